/* cgtree-manager: the command line of cgtree with the live manager in it. `cgtree manager` becomes it. */
#include <stdio.h>

#include "cli/cli.h"
#include "manager/config_file.h"
#include "manager/manager.h"

static int check(const struct cg_manager_options *o, struct cg_error **err)
{
	_cleanup_config_ struct cg_config c = {0};
	_cleanup_text_ struct cg_text t = {0};
	int r = cg_config_load(o->config, o->override, o->overrides, &c, err);

	if (r < 0)
		return r;
	cg_config_text(&c, &t);
	if (t.failed)
		return cg_error_oom(err);
	(void)fwrite(t.data, 1, t.len, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct cli_manager manager = {check, cg_manager_run};

	return cli_main(argc, argv, &manager);
}
