/* The formulas between cpu.shares and cpu.weight: see translate.h. */
#include <string.h>

#include "model/translate.h"

#define WEIGHT_MIN UINT64_C(1)
#define WEIGHT_MAX UINT64_C(10000)
/* What a new group has, on either side (kernel/sched/sched.h, NICE_0_LOAD; CGROUP_WEIGHT_DFL). */
#define SHARES_USUAL UINT64_C(1024)
#define WEIGHT_USUAL UINT64_C(100)

const struct cg_dialect *cg_dialect_find(const char *name)
{
	for (size_t i = 0; i < cg_dialect_count; i++)
		if (strcmp(cg_dialects[i].name, name) == 0)
			return &cg_dialects[i];
	return NULL;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static uint64_t ratio(const struct cg_dialect *d, uint64_t value, uint64_t times, uint64_t part)
{
	return (value * times + (d->rounds ? part / 2 : 0)) / part;
}

/* libm has both of these, and would be the one library besides libc that the program loads: that takes a
 * tenth of the time that starting a command may. Both are exact to a few units of the last place. */
static double log2_of(uint64_t n)
{
	const double ln2 = 0.69314718055994530942;
	double whole = 0, rest = (double)n, z, power, sum = 0;

	for (; rest >= 2; rest /= 2)
		whole++;
	/* ln((1 + z) / (1 - z)) = 2 (z + z^3/3 + z^5/5 + ...), and z is at most a third. */
	z = (rest - 1) / (rest + 1);
	power = z;
	for (int i = 1; i < 40; i += 2, power *= z * z)
		sum += power / i;
	return whole + 2 * sum / ln2;
}

static double ten_to(double exponent)
{
	const double ln10 = 2.30258509299404568402;
	double whole = 1, term = 1, sum = 1;

	for (; exponent >= 1; exponent--)
		whole *= 10;
	for (int i = 1; i < 40; i++) {
		term *= exponent * ln10 / i;
		sum += term;
	}
	return whole * sum;
}

static uint64_t curve(uint64_t shares)
{
	const double l = log2_of(shares), weight = ten_to((l * l + 125 * l) / 612.0 - 7.0 / 34.0);
	const uint64_t floor = (uint64_t)weight;

	return floor + ((double)floor < weight);
}

uint64_t cg_weight_from_shares(const struct cg_dialect *d, uint64_t shares)
{
	if (shares == 0 && d->rule != CG_WEIGHT_RATIO)
		return 0;
	shares = clamp(shares, d->rule == CG_WEIGHT_RATIO ? 0 : d->shares_min, d->shares_max);
	switch (d->rule) {
	case CG_WEIGHT_RATIO:
		return clamp(ratio(d, shares, WEIGHT_USUAL, SHARES_USUAL), WEIGHT_MIN, WEIGHT_MAX);
	case CG_WEIGHT_LINEAR:
		return WEIGHT_MIN +
		       (shares - d->shares_min) * (WEIGHT_MAX - WEIGHT_MIN) / (d->shares_max - d->shares_min);
	case CG_WEIGHT_CURVE:
		if (shares == d->shares_min)
			return WEIGHT_MIN;
		return shares == d->shares_max ? WEIGHT_MAX : clamp(curve(shares), WEIGHT_MIN, WEIGHT_MAX);
	}
	return WEIGHT_USUAL;
}

/* The curve rises, so that the largest number of shares that gives no more than this weight is its inverse.
 */
static uint64_t inverse(const struct cg_dialect *d, uint64_t weight)
{
	uint64_t low = d->shares_min, high = d->shares_max;

	while (low < high) {
		uint64_t middle = low + (high - low + 1) / 2;

		if (cg_weight_from_shares(d, middle) <= weight)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

uint64_t cg_shares_from_weight(const struct cg_dialect *d, uint64_t weight)
{
	if (weight == 0 && d->rule != CG_WEIGHT_RATIO)
		return 0;
	weight = clamp(weight, d->rule == CG_WEIGHT_RATIO ? 0 : WEIGHT_MIN, WEIGHT_MAX);
	switch (d->rule) {
	case CG_WEIGHT_RATIO:
		return clamp(ratio(d, weight, SHARES_USUAL, WEIGHT_USUAL), d->shares_min, d->shares_max);
	case CG_WEIGHT_LINEAR:
		return d->shares_min +
		       (weight - WEIGHT_MIN) * (d->shares_max - d->shares_min) / (WEIGHT_MAX - WEIGHT_MIN);
	case CG_WEIGHT_CURVE:
		return inverse(d, weight);
	}
	return SHARES_USUAL;
}
