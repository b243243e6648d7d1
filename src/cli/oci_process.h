/* Running an OCI runtime from within. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

enum oci_run_status {
	OCI_EXIT_OURS = 125,        /* we failed, not the runtime */
	OCI_EXIT_NOT_RUN = 126,     /* it is there and cannot be run */
	OCI_EXIT_NOT_FOUND = 127,   /* it is not there */
	OCI_EXIT_SIGNAL_BASE = 128, /* and the number of the signal that ended it */
};

/* Becomes the runtime, by PATH; returns only when that fails: one of the above, and *err. */
int oci_become(char *const *argv, struct cg_error **err);
/* Runs it with our standard streams and hands on the signals that want to end us; *ret_status is what we
 * shall exit with. */
int oci_run(char *const *argv, int *ret_status, struct cg_error **err) CG_MUST_CHECK;
/* Runs it and gives what it prints, up to `max` bytes; an exit status other than 0 is an error. */
int oci_ask(char *const *argv, size_t max, struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;
