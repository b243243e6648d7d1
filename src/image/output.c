/* Writing a stream: see output.h. The buffer is written when it holds FLUSH bytes, so that a tree of any size
 * is written in constant memory. */
#include "image/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/fdio.h"

#define FLUSH ((size_t)1 << 20)
#define LEVEL 3

static int open_zstd(struct cg_output *o, struct cg_error **err)
{
	o->packed_room = ZSTD_CStreamOutSize();
	o->packed = malloc(o->packed_room);
	o->zstd = ZSTD_createCCtx();
	if (!o->packed || !o->zstd)
		return cg_error_oom(err);
	if (ZSTD_isError(ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
		ZSTD_isError(ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1)))
		return cg_error_errno(err, ENOTSUP, "cannot set up the compression");
	return 0;
}

int cg_output_open(struct cg_output *o, int fd, enum cg_compression compression, struct cg_error **err)
{
	*o = (struct cg_output){.fd = fd};
	o->digest = XXH3_createState();
	if (!o->digest || XXH3_128bits_reset(o->digest) != XXH_OK)
		return cg_error_oom(err);
	return compression == CG_COMPRESS_ZSTD ? open_zstd(o, err) : 0;
}

static int write_bytes(struct cg_output *o, const uint8_t *data, size_t len, struct cg_error **err)
{
	int r = cg_write_all(o->fd, data, len);

	o->stored += len;
	if (r == 0)
		return 0;
	r = cg_error_errno(err, -r, "cannot write the image");
	switch (r) {
	case -EPIPE:
		cg_error_hint(err, "the program that reads the image ended early: look at its messages");
		break;
	case -ENOSPC:
	case -EDQUOT:
		cg_error_hint(
			err, "free some space, write the image elsewhere, or compress it (--compress zstd)");
		break;
	default:
		break;
	}
	return r;
}

static int compress(struct cg_output *o, ZSTD_EndDirective end, struct cg_error **err)
{
	ZSTD_inBuffer in = {o->buffer, o->used, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {o->packed, o->packed_room, 0};
		int r;

		left = ZSTD_compressStream2(o->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return cg_error_make(
				err, CG_FAULT_SYSTEM, ENOMEM, "cannot compress: %s", ZSTD_getErrorName(left));
		r = write_bytes(o, o->packed, out.pos, err);
		if (r < 0)
			return r;
	} while (end == ZSTD_e_end ? left != 0 : in.pos < in.size);
	return 0;
}

static void digest_gathered(struct cg_output *o)
{
	if (o->used > o->digested)
		(void)XXH3_128bits_update(o->digest, o->buffer + o->digested, o->used - o->digested);
	o->digested = o->used;
}

static int flush(struct cg_output *o, ZSTD_EndDirective end, struct cg_error **err)
{
	int r;

	digest_gathered(o);
	if (o->zstd)
		r = compress(o, end, err);
	else
		r = write_bytes(o, o->buffer, o->used, err);
	o->used = o->digested = 0;
	return r;
}

int cg_output_reserve(struct cg_output *o, size_t size, uint8_t **ret, struct cg_error **err)
{
	if (o->used >= FLUSH) {
		int r = flush(o, ZSTD_e_continue, err);

		if (r < 0)
			return r;
	}
	if (size > o->room - o->used) {
		size_t room = o->room ? o->room : (size_t)64 << 10;
		uint8_t *p;

		while (room - o->used < size)
			if (__builtin_mul_overflow(room, 2, &room))
				return cg_error_oom(err);
		p = realloc(o->buffer, room);
		if (!p)
			return cg_error_oom(err);
		o->buffer = p;
		o->room = room;
	}
	*ret = o->buffer + o->used;
	return 0;
}

void cg_output_commit(struct cg_output *o, size_t size)
{
	o->used += size;
	o->total += size;
}

void cg_output_digest(struct cg_output *o, uint8_t ret[16])
{
	XXH128_canonical_t canonical;

	digest_gathered(o);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(o->digest));
	memcpy(ret, canonical.digest, sizeof(canonical.digest));
}

int cg_output_finish(struct cg_output *o, struct cg_error **err)
{
	return flush(o, ZSTD_e_end, err);
}

void cg_output_close(struct cg_output *o)
{
	free(o->buffer);
	free(o->packed);
	(void)XXH3_freeState(o->digest);
	(void)ZSTD_freeCCtx(o->zstd);
	*o = (struct cg_output){.fd = -1};
}
