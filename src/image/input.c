/* Reading a stream: see input.h. A compressed stream is one zstd frame and nothing else, so that nothing can
 * hide behind it. */
#include "image/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

#define BUFFER ((size_t)4 << 20)
#define PACKED ((size_t)128 << 10)

static const uint8_t zstd_mark[4] = {0x28, 0xb5, 0x2f, 0xfd};

/* Up to `room` bytes of the source as it is stored; 0 at its end. */
static int read_source(struct cg_input *in, uint8_t *to, size_t room, size_t *ret, struct cg_error **err)
{
	ssize_t n;

	if (in->fd < 0) {
		n = (ssize_t)(in->memory.len < room ? in->memory.len : room);
		memcpy(to, in->memory.data, (size_t)n);
		in->memory.data += n;
		in->memory.len -= (size_t)n;
	} else {
		do
			n = read(in->fd, to, room);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return cg_error_errno(err, errno, "cannot read the image");
	}
	in->stored += (size_t)n;
	*ret = (size_t)n;
	return 0;
}

static int zstd_trouble(size_t result, uint64_t offset, struct cg_error **err)
{
	switch (ZSTD_getErrorCode(result)) {
	case ZSTD_error_memory_allocation:
		return cg_error_oom(err);
	case ZSTD_error_frameParameter_windowTooLarge:
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, ENOTSUP,
			"the image is compressed with a window of more than %u MiB",
			(1u << CG_INPUT_WINDOW_LOG) >> 20);
	default:
		return cg_error_corrupt(err, "the compressed stream is damaged near byte %llu: %s",
			(unsigned long long)offset, ZSTD_getErrorName(result));
	}
}

static int read_packed(struct cg_input *in, struct cg_error **err)
{
	in->packed_start = 0;
	return read_source(in, in->packed, PACKED, &in->packed_end, err);
}

/* After the frame nothing may come. */
static int end_frame(struct cg_input *in, struct cg_error **err)
{
	in->at_end = true;
	if (in->packed_start == in->packed_end) {
		int r = read_packed(in, err);

		if (r < 0)
			return r;
	}
	if (in->packed_start != in->packed_end)
		return cg_error_corrupt(err, "bytes follow the end of the compressed stream, at byte %llu",
			(unsigned long long)(in->stored - (in->packed_end - in->packed_start)));
	return 0;
}

static int decompress(struct cg_input *in, struct cg_error **err)
{
	ZSTD_outBuffer out = {in->buffer, BUFFER, in->end};

	while (out.pos == in->end && !in->at_end) {
		ZSTD_inBuffer source;
		size_t left;
		int r = 0;

		if (in->packed_start == in->packed_end && !in->pending) {
			r = read_packed(in, err);
			if (r < 0)
				return r;
			if (in->packed_end == 0)
				return cg_error_corrupt(err,
					"the compressed stream is cut short at byte %llu",
					(unsigned long long)in->stored);
		}
		source = (ZSTD_inBuffer){in->packed, in->packed_end, in->packed_start};
		left = ZSTD_decompressStream(in->zstd, &out, &source);
		in->packed_start = source.pos;
		if (ZSTD_isError(left))
			return zstd_trouble(left, in->stored - (in->packed_end - in->packed_start), err);
		in->pending = out.pos == out.size;
		if (left == 0)
			r = end_frame(in, err);
		if (r < 0)
			return r;
	}
	in->end = out.pos;
	return 0;
}

/* Brings more into the window, or sets at_end. */
static int fill(struct cg_input *in, struct cg_error **err)
{
	size_t n;
	int r;

	if (in->start) {
		memmove(in->buffer, in->buffer + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	if (in->zstd)
		return decompress(in, err);
	r = read_source(in, in->buffer + in->end, BUFFER - in->end, &n, err);
	if (r < 0)
		return r;
	in->end += n;
	in->at_end = n == 0;
	return 0;
}

static int open_zstd(struct cg_input *in, struct cg_error **err)
{
	in->packed = malloc(PACKED);
	in->zstd = ZSTD_createDCtx();
	if (!in->packed || !in->zstd)
		return cg_error_oom(err);
	if (ZSTD_isError(ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, CG_INPUT_WINDOW_LOG)))
		return cg_error_errno(err, ENOTSUP, "cannot set up the decompression");
	return 0;
}

static bool has_zstd_mark(struct cg_bytes b)
{
	return b.len >= sizeof(zstd_mark) && memcmp(b.data, zstd_mark, sizeof(zstd_mark)) == 0;
}

static int open_memory(struct cg_input *in, struct cg_error **err)
{
	int r;

	if (!has_zstd_mark(in->memory)) {
		in->window = (const uint8_t *)in->memory.data;
		in->end = in->stored = in->memory.len;
		in->at_end = true;
		return 0;
	}
	in->buffer = malloc(BUFFER);
	if (!in->buffer)
		return cg_error_oom(err);
	in->window = in->buffer;
	r = open_zstd(in, err);
	return r < 0 ? r : read_packed(in, err);
}

static int open_fd(struct cg_input *in, struct cg_error **err)
{
	int r;

	in->buffer = malloc(BUFFER);
	if (!in->buffer)
		return cg_error_oom(err);
	in->window = in->buffer;
	while (in->end < sizeof(zstd_mark) && !in->at_end) {
		size_t n;

		r = read_source(in, in->buffer + in->end, PACKED - in->end, &n, err);
		if (r < 0)
			return r;
		in->end += n;
		in->at_end = n == 0;
	}
	if (!has_zstd_mark((struct cg_bytes){(const char *)in->buffer, in->end}))
		return 0;
	r = open_zstd(in, err);
	if (r < 0)
		return r;
	memcpy(in->packed, in->buffer, in->end);
	in->packed_end = in->end;
	in->end = 0;
	in->at_end = false;
	return 0;
}

int cg_input_open(struct cg_input *in, int fd, struct cg_bytes memory, struct cg_error **err)
{
	*in = (struct cg_input){.fd = fd, .memory = memory};
	in->digest = XXH3_createState();
	if (!in->digest || XXH3_128bits_reset(in->digest) != XXH_OK)
		return cg_error_oom(err);
	return fd < 0 ? open_memory(in, err) : open_fd(in, err);
}

int cg_input_need(struct cg_input *in, size_t size, const uint8_t **ret, struct cg_error **err)
{
	while (in->end - in->start < size && !in->at_end) {
		int r = fill(in, err);

		if (r < 0)
			return r;
	}
	if (in->end - in->start < size)
		return 0;
	*ret = in->window + in->start;
	return 1;
}

void cg_input_take(struct cg_input *in, size_t size)
{
	(void)XXH3_128bits_update(in->digest, in->window + in->start, size);
	in->start += size;
	in->offset += size;
}

void cg_input_digest(struct cg_input *in, uint8_t ret[16])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(in->digest));
	memcpy(ret, canonical.digest, sizeof(canonical.digest));
}

void cg_input_close(struct cg_input *in)
{
	free(in->buffer);
	free(in->packed);
	(void)XXH3_freeState(in->digest);
	(void)ZSTD_freeDCtx(in->zstd);
	*in = (struct cg_input){.fd = -1};
}
