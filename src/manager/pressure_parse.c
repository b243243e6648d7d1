/* The texts of /proc/pressure, *.pressure and /proc/meminfo. */
#include <errno.h>
#include <string.h>

#include "manager/pressure.h"

int cg_psi_parse(struct cg_bytes text, uint64_t ret[CG_STALLS])
{
	uint64_t totals[CG_STALLS] = {0};
	unsigned seen = 0;
	struct cg_bytes line, word;

	while (cg_bytes_split(&text, '\n', &line)) {
		int kind = -1;
		bool total = false;

		if (!cg_bytes_word(&line, &word))
			continue;
		for (int k = 0; k < CG_STALLS; k++)
			if (cg_bytes_is(word, cg_stall_words[k]))
				kind = k;
		if (kind < 0 || (seen & (1U << kind)))
			return -EINVAL;
		while (cg_bytes_word(&line, &word)) {
			if (!cg_bytes_take(&word, "total="))
				continue;
			if (total || cg_parse_u64(word, &totals[kind]) < 0)
				return -EINVAL;
			total = true;
		}
		if (!total)
			return -EINVAL;
		seen |= 1U << kind;
	}
	if (!(seen & (1U << CG_STALL_SOME)))
		return -EINVAL;
	memcpy(ret, totals, sizeof(totals));
	return 0;
}

/* "MemTotal:     16384 kB" */
static int parse_kib(struct cg_bytes line, uint64_t *ret)
{
	struct cg_bytes number, unit;
	uint64_t kib;

	if (!cg_bytes_word(&line, &number) || !cg_bytes_word(&line, &unit) || !cg_bytes_is(unit, "kB") ||
		cg_parse_u64(number, &kib) < 0 || kib > UINT64_MAX >> 10)
		return -EINVAL;
	*ret = kib << 10;
	return 0;
}

int cg_meminfo_parse(struct cg_bytes text, uint64_t *ret_total, uint64_t *ret_used)
{
	uint64_t total = 0, available = 0;
	bool have_total = false, have_available = false;
	struct cg_bytes line;

	while (cg_bytes_split(&text, '\n', &line)) {
		if (cg_bytes_take(&line, "MemTotal:")) {
			if (parse_kib(line, &total) < 0)
				return -EINVAL;
			have_total = true;
		} else if (cg_bytes_take(&line, "MemAvailable:")) {
			if (parse_kib(line, &available) < 0)
				return -EINVAL;
			have_available = true;
		}
	}
	if (!have_total || !have_available || total == 0)
		return -EINVAL;
	*ret_total = total;
	*ret_used = available < total ? total - available : 0;
	return 0;
}
