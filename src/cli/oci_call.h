/* What an OCI runtime is asked to do, as far as it concerns groups: its command line, which runc defined and
 * others follow. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"

enum oci_command { OCI_OTHER, OCI_CHECKPOINT, OCI_RESTORE };

struct oci_call {
	enum oci_command command;
	int at; /* index of the command's word; what stands before it are the runtime's global options */
	const char *image_path; /* runc's default: "checkpoint" */
	const char *bundle;     /* "." */
	char *id;
	bool detach;
};

/* OCI_OTHER for everything that needs nothing of us: other commands, --help, --pre-dump, a call without a
 * container's id (the runtime says what is wrong with it). argv[0] is the runtime. Pure. */
struct oci_call oci_call_parse(int argc, char *const *argv);
