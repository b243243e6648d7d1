/* Makes damaged and hostile images for the scripts beside it, and damages one in every possible way:
 *
 *  sweep IMAGE: reads it with each bit flipped and cut at each byte. None may be taken.
 *
 *  damage IMAGE OUT WHAT [N]: a copy with one thing wrong, see damages[]. With "sealed" before its name all
 *  checksums, counts and the digest are right: whoever refuses it has looked at the contents.
 *
 *  make OUT WORD=VALUE...: an image of what the words say: v1=CONTROLLERS or v2=CONTROLLERS, file=NAME, then
 *  groups (top=PATH, below=NAME of the group before, beside=NAME) with value, xattr, uid, mode, type and pid.
 * In texts \n, \0 and \xHH are understood.
 *
 *  deep OUT N: N levels of groups.
 *
 *  huge OUT: a message that goes on for longer than one may, compressed. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/fdio.h"
#include "damage.h"
#include "image.pb-c.h"
#include "image/frame.h"
#include "image/image.h"

#define RECORDS_MAX 100000
#define MEMORY      ((size_t)256 << 20)

void damage_die(const char *what)
{
	(void)fprintf(stderr, "damage: %s: %s\n", what, strerror(errno));
	exit(2);
}

uint64_t damage_number(const char *text)
{
	uint64_t n;

	if (!text || cg_parse_u64(cg_bytes_of(text), &n) < 0) {
		errno = EINVAL;
		damage_die(text ? text : "a number is missing");
	}
	return n;
}

/* An image as its records; payloads point into `data`. */
struct image {
	uint8_t *data;
	size_t len, records;
	struct cg_frame_header header;
	struct cg_frame_record record[RECORDS_MAX];
};

uint8_t *damage_more(struct out *o, size_t size)
{
	if (o->room - o->len < size) {
		o->room = 2 * (o->len + size);
		o->data = realloc(o->data, o->room);
		if (!o->data)
			damage_die("memory");
	}
	o->len += size;
	return o->data + o->len - size;
}

static void read_file(const char *name, struct image *im)
{
	struct stat st;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		damage_die(name);
	im->len = (size_t)st.st_size;
	im->data = malloc(im->len + 1);
	if (!im->data || read(fd, im->data, im->len) != (ssize_t)im->len)
		damage_die(name);
	(void)close(fd);
}

void damage_write_file(const char *name, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || cg_write_all(fd, data, len) < 0)
		damage_die(name);
	(void)close(fd);
}

static void split(struct image *im)
{
	size_t at = CG_FRAME_HEADER_SIZE;

	if (cg_frame_get_header(im->data, &im->header, NULL) < 0)
		damage_die("the image that was given is none");
	while (at + CG_FRAME_TAIL_SIZE < im->len && im->records < RECORDS_MAX) {
		size_t size;

		if (cg_frame_record_size(im->data + at, &size, NULL) < 0 ||
			cg_frame_get_record(im->data + at, size, (uint32_t)im->records,
				&im->record[im->records], NULL) < 0)
			damage_die("the image that was given is damaged already");
		im->records++;
		at += size;
	}
}

void damage_put_record(struct out *o, const struct cg_frame_record *r, uint32_t sequence)
{
	size_t size = CG_FRAME_RECORD_HEAD + r->payload.len + CG_FRAME_CHECKSUM;
	uint8_t *to = damage_more(o, size);

	if (r->payload.len)
		memcpy(to + CG_FRAME_RECORD_HEAD, r->payload.data, r->payload.len);
	(void)cg_frame_seal(to, (uint32_t)r->payload.len, r->type, r->flags, sequence);
}

void damage_put_message(struct out *o, uint16_t type, const ProtobufCMessage *m, uint32_t sequence)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *to = damage_more(o, CG_FRAME_RECORD_HEAD + len + CG_FRAME_CHECKSUM);

	(void)protobuf_c_message_pack(m, to + CG_FRAME_RECORD_HEAD);
	(void)cg_frame_seal(to, (uint32_t)len, type, CG_RECORD_CRITICAL, sequence);
}

void damage_put_end(struct out *o, Cgtree__Image__End *end, uint32_t records)
{
	XXH128_canonical_t digest;

	XXH128_canonicalFromHash(&digest, XXH3_128bits(o->data, o->len));
	end->has_records = end->has_groups = end->has_settings = end->has_tasks = end->has_bytes =
		end->has_digest = true;
	end->records = records;
	end->bytes = o->len;
	end->digest = (ProtobufCBinaryData){sizeof(digest.digest), digest.digest};
	damage_put_message(o, CG_RECORD_END, &end->base, records);
	(void)damage_more(o, CG_FRAME_TAIL_SIZE);
	cg_frame_put_tail(o->data + o->len - CG_FRAME_TAIL_SIZE, o->len);
}

/* The image again from its records, all sums right; the end record is made anew with the counts it had. */
static void seal(const struct image *im, struct out *o)
{
	const struct cg_frame_record *last = &im->record[im->records - 1];
	Cgtree__Image__End *end =
		cgtree__image__end__unpack(NULL, last->payload.len, (const uint8_t *)last->payload.data);
	ProtobufCBinaryData old;

	if (!end)
		damage_die("the end record");
	old = end->digest;
	cg_frame_put_header(damage_more(o, CG_FRAME_HEADER_SIZE), &im->header);
	for (size_t i = 0; i + 1 < im->records; i++)
		damage_put_record(o, &im->record[i], (uint32_t)i);
	damage_put_end(o, end, (uint32_t)im->records - 1);
	end->digest = old;
	cgtree__image__end__free_unpacked(end, NULL);
}

/* Damages of the bytes: sums are left as they were. */
static size_t record_at(const struct image *im, uint64_t n)
{
	if (n >= im->records) {
		errno = ERANGE;
		damage_die("there is no such record");
	}
	return (size_t)((const uint8_t *)im->record[n].payload.data - im->data) - CG_FRAME_RECORD_HEAD;
}

static size_t record_end(const struct image *im, uint64_t n)
{
	return record_at(im, n) + CG_FRAME_RECORD_HEAD + im->record[n].payload.len + CG_FRAME_CHECKSUM;
}

static void copy(struct out *o, const struct image *im, size_t from, size_t to)
{
	uint8_t *at = damage_more(o, to - from);

	memcpy(at, im->data + from, to - from);
}

static void flip(struct image *im, struct out *o, uint64_t n)
{
	copy(o, im, 0, im->len);
	o->data[n / 8] ^= (uint8_t)(1u << n % 8);
}

static void cut(struct image *im, struct out *o, uint64_t n)
{
	copy(o, im, 0, (size_t)n);
}

static void append(struct image *im, struct out *o, uint64_t n)
{
	copy(o, im, 0, im->len);
	memset(damage_more(o, (size_t)n), 0, (size_t)n);
}

static void lose(struct image *im, struct out *o, uint64_t n)
{
	copy(o, im, 0, record_at(im, n));
	copy(o, im, record_end(im, n), im->len);
}

static void repeat(struct image *im, struct out *o, uint64_t n)
{
	copy(o, im, 0, record_end(im, n));
	copy(o, im, record_at(im, n), im->len);
}

static void move(struct image *im, struct out *o, uint64_t n)
{
	size_t a = record_at(im, n), b = record_at(im, n + 1), c = record_end(im, n + 1);

	copy(o, im, 0, a);
	copy(o, im, b, c);
	copy(o, im, a, b);
	copy(o, im, c, im->len);
}

/* The third record claims to be longer than a record may be. */
static void oversize(struct image *im, struct out *o, uint64_t n)
{
	uint8_t *head;

	copy(o, im, 0, im->len);
	head = o->data + record_at(im, 2);
	for (int i = 0; i < 4; i++)
		head[i] = (uint8_t)(n >> 8 * i);
}

/* Damages of the contents: everything around them is right. */
static void sealed_major(struct image *im, struct out *o, uint64_t n)
{
	im->header.major = (uint16_t)n;
	seal(im, o);
}

static void sealed_incompat(struct image *im, struct out *o, uint64_t n)
{
	im->header.incompat = (uint32_t)n;
	seal(im, o);
}

/* Minor versions and compatible features may be newer. */
static void sealed_minor(struct image *im, struct out *o, uint64_t n)
{
	im->header.minor = (uint16_t)n;
	im->header.compat = 1;
	seal(im, o);
}

/* A record of an unknown type before the end; n are its flags. */
static void sealed_unknown(struct image *im, struct out *o, uint64_t n)
{
	im->record[im->records] = im->record[im->records - 1];
	im->record[im->records - 1] = (struct cg_frame_record){0x4242, (uint16_t)n, {"later", 5}};
	im->records++;
	seal(im, o);
}

static void sealed_lose(struct image *im, struct out *o, uint64_t n)
{
	(void)record_at(im, n);
	im->records--;
	memmove(&im->record[n], &im->record[n + 1], (im->records - n) * sizeof(im->record[0]));
	seal(im, o);
}

static void sealed_repeat(struct image *im, struct out *o, uint64_t n)
{
	(void)record_at(im, n);
	memmove(&im->record[n + 1], &im->record[n], (im->records - n) * sizeof(im->record[0]));
	im->records++;
	seal(im, o);
}

/* The last group lost, or there twice. */
static uint64_t last_group(const struct image *im)
{
	size_t i = im->records;

	while (i && im->record[i - 1].type != CG_RECORD_GROUP)
		i--;
	if (!i)
		damage_die("the image has no group");
	return i - 1;
}

static void sealed_lose_group(struct image *im, struct out *o, uint64_t n CG_UNUSED)
{
	sealed_lose(im, o, last_group(im));
}

static void sealed_repeat_group(struct image *im, struct out *o, uint64_t n CG_UNUSED)
{
	sealed_repeat(im, o, last_group(im));
}

static const struct {
	const char *name;
	void (*make)(struct image *im, struct out *o, uint64_t n);
} damages[] = {
	{"flip", flip},
	{"cut", cut},
	{"append", append},
	{"lose", lose},
	{"repeat", repeat},
	{"move", move},
	{"oversize", oversize},
	{"sealed-major", sealed_major},
	{"sealed-incompat", sealed_incompat},
	{"sealed-minor", sealed_minor},
	{"sealed-unknown", sealed_unknown},
	{"sealed-lose", sealed_lose},
	{"sealed-repeat", sealed_repeat},
	{"sealed-lose-group", sealed_lose_group},
	{"sealed-repeat-group", sealed_repeat_group},
};

static int damage(char **argv)
{
	struct image *im = calloc(1, sizeof(*im));
	struct out o = {0};

	if (!im)
		damage_die("memory");
	read_file(argv[0], im);
	split(im);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		if (strcmp(damages[i].name, argv[2]) == 0)
			damages[i].make(im, &o, argv[3] ? damage_number(argv[3]) : 0);
	if (!o.data) {
		errno = EINVAL;
		damage_die(argv[2]);
	}
	damage_write_file(argv[1], o.data, o.len);
	free(o.data);
	free(im->data);
	free(im);
	return 0;
}

/* How one image was received. */
struct verdict {
	bool taken, refused; /* neither: it was refused, but not as a damaged one with a reason */
	bool foreign;        /* it was refused as something that this program does not read */
	char digest[sizeof(((struct cg_image_info *)0)->digest)];
};

static struct verdict read_as_program(int fd)
{
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;
	struct cg_image_info info = {0};
	struct verdict v = {0};
	int r = cg_image_read(fd, MEMORY, &tree, &info, &err);

	v.taken = r >= 0 || tree;
	v.refused = !v.taken && err && err->fault == CG_FAULT_CORRUPT && err->message && err->message[0];
	v.foreign = !v.taken && err && err->fault == CG_FAULT_UNSUPPORTED;
	memcpy(v.digest, info.digest, sizeof(v.digest));
	cg_tree_free(tree);
	cg_error_free(err);
	return v;
}

static struct verdict read_bytes(const struct image *im, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct verdict v;

	if (fd < 0 || cg_write_all(fd, im->data, len) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		damage_die("memfd");
	v = read_as_program(fd);
	(void)close(fd);
	return v;
}

/* A compressed stream has bits that do not matter to what it says: then what was read must be the same, as
 * its digest tells. Of one that is not compressed each bit matters. */
static bool is_found(
	struct verdict v, const struct verdict *whole, bool compressed, const char *what, size_t where)
{
	if (v.refused || (compressed && v.foreign) ||
		(compressed && v.taken && strcmp(v.digest, whole->digest) == 0))
		return true;
	(void)printf(
		"%s %zu: %s\n", what, where, v.taken ? "the image was taken" : "refused for another reason");
	return false;
}

static int sweep(char **argv)
{
	struct image *im = calloc(1, sizeof(*im));
	size_t wrong = 0, refused = 0, bits;
	struct verdict whole;
	bool compressed;

	if (!im)
		damage_die("memory");
	read_file(argv[0], im);
	whole = read_bytes(im, im->len);
	if (!whole.taken) {
		(void)printf("the undamaged image is refused\n");
		return 1;
	}
	bits = im->len * 8;
	compressed = memcmp(im->data, CG_FRAME_MAGIC, CG_FRAME_MAGIC_SIZE) != 0;
	for (size_t i = 0; i < bits; i++) {
		struct verdict v;

		im->data[i / 8] ^= (uint8_t)(1u << i % 8);
		v = read_bytes(im, im->len);
		im->data[i / 8] ^= (uint8_t)(1u << i % 8);
		wrong += !is_found(v, &whole, compressed, "bit", i);
		refused += v.refused || v.foreign;
	}
	(void)printf("of %zu flipped bits %zu were refused, %zu change nothing\n", bits, refused,
		bits - refused - wrong);
	for (size_t i = 0; i < im->len; i++)
		wrong += !is_found(read_bytes(im, i), &whole, false, "cut at", i);
	(void)printf("%zu cuts were tried; %zu damages were not found\n", im->len, wrong);
	free(im->data);
	free(im);
	return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "sweep") == 0)
		return sweep(argv + 2);
	if ((argc == 5 || argc == 6) && strcmp(argv[1], "damage") == 0)
		return damage(argv + 2);
	if (argc >= 4 && strcmp(argv[1], "make") == 0)
		return damage_make(argc - 2, argv + 2);
	if (argc == 4 && strcmp(argv[1], "deep") == 0)
		return damage_deep(argv + 2);
	if (argc == 3 && strcmp(argv[1], "huge") == 0)
		return damage_huge(argv + 2);
	(void)fprintf(stderr, "damage: see the comment at the head of its source\n");
	return 2;
}
