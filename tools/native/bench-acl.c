// Look-ups of five-field rules with DPDK's rte_acl, for bench-classify.js: `bench-acl RULES TRACE SECONDS`, files in the plain format of ClassBench.
// Prints one line of JSON: the sum of 1000000 - i over the packets that meet rule i (over the trace once), hits, build time, bytes, and
// look-ups a second of every method that this processor has, the best of passes over the whole trace.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_vect.h>

// A packet as rte_acl reads it: network byte order; one byte first, the others in groups of four.
struct key {
	uint8_t proto;
	uint8_t pad[3];
	uint32_t src;
	uint32_t dst;
	uint16_t sport;
	uint16_t dport;
};

static struct rte_acl_field_def fields[5] = {
	{ RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(struct key, proto) },
	{ RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, offsetof(struct key, src) },
	{ RTE_ACL_FIELD_TYPE_MASK, 4, 2, 2, offsetof(struct key, dst) },
	{ RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 3, offsetof(struct key, sport) },
	{ RTE_ACL_FIELD_TYPE_RANGE, 2, 4, 3, offsetof(struct key, dport) },
};
RTE_ACL_RULE_DEF(rule, 5);

#define FIRST 1000000
#define CHUNK 4096

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
static void die(const char *what)
{
	fprintf(stderr, "bench-acl: %s\n", what);
	exit(1);
}
static void *grow(void *list, size_t n, size_t size)
{
	if (n & (n - 1))
		return list;
	list = realloc(list, size * (n ? 2 * n : 1));
	if (!list)
		die("no memory");
	return list;
}

int main(int argc, char **argv)
{
	char *eal[] = { argv[0], "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "3072", "-l", "0" };
	if (argc != 4)
		die("usage: bench-acl RULES TRACE SECONDS");
	if (rte_eal_init(9, eal) < 0)
		die("rte_eal_init");
	FILE *f = fopen(argv[1], "r");
	if (!f)
		die("no rules");
	struct rule *rules = NULL;
	size_t n = 0;
	unsigned a[5], b[5], s0, s1, d0, d1, proto, mask;
	char line[512];
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u 0x%x/0x%x", a, a + 1, a + 2, a + 3, a + 4, b, b + 1, b + 2, b + 3,
			   b + 4, &s0, &s1, &d0, &d1, &proto, &mask) != 16)
			continue;
		rules = grow(rules, n, sizeof *rules);
		struct rule *r = rules + n++;
		memset(r, 0, sizeof *r);
		r->data.userdata = n;
		r->data.category_mask = 1;
		r->data.priority = FIRST + 1 - (int)n;
		r->field[0].value.u8 = proto;
		r->field[0].mask_range.u8 = mask;
		r->field[1].value.u32 = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
		r->field[1].mask_range.u32 = a[4];
		r->field[2].value.u32 = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
		r->field[2].mask_range.u32 = b[4];
		r->field[3].value.u16 = s0;
		r->field[3].mask_range.u16 = s1;
		r->field[4].value.u16 = d0;
		r->field[4].mask_range.u16 = d1;
	}
	fclose(f);
	f = fopen(argv[2], "r");
	if (!f)
		die("no trace");
	struct key *keys = NULL;
	size_t count = 0;
	unsigned src, dst, sport, dport;
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%u %u %u %u %u", &src, &dst, &sport, &dport, &proto) != 5)
			continue;
		keys = grow(keys, count, sizeof *keys);
		keys[count++] = (struct key){ proto, { 0 }, __builtin_bswap32(src), __builtin_bswap32(dst), __builtin_bswap16(sport), __builtin_bswap16(dport) };
	}
	fclose(f);
	const uint8_t **data = malloc(count * sizeof *data);
	uint32_t *results = malloc(count * sizeof *results);
	if (!data || !results)
		die("no memory");
	for (size_t i = 0; i < count; i++)
		data[i] = (const uint8_t *)(keys + i);

	double began = now();
	struct rte_acl_param param = { "bench", 0, RTE_ACL_RULE_SZ(5), n };
	struct rte_acl_ctx *acl = rte_acl_create(&param);
	if (!acl || rte_acl_add_rules(acl, (struct rte_acl_rule *)rules, n))
		die("rules are refused");
	struct rte_acl_config config = { .num_categories = 1, .num_fields = 5 };
	memcpy(config.defs, fields, sizeof fields);
	struct rte_malloc_socket_stats before, after;
	rte_malloc_get_socket_stats(0, &before);
	if (rte_acl_build(acl, &config))
		die("rte_acl_build");
	double built = now() - began;
	rte_malloc_get_socket_stats(0, &after);
	static const struct {
		const char *name;
		enum rte_acl_classify_alg alg;
		unsigned width;
	} methods[] = {
		{ "scalar", RTE_ACL_CLASSIFY_SCALAR, 64 },	   { "sse", RTE_ACL_CLASSIFY_SSE, 128 },
		{ "avx2", RTE_ACL_CLASSIFY_AVX2, 256 },	   { "avx512x16", RTE_ACL_CLASSIFY_AVX512X16, 512 },
		{ "avx512x32", RTE_ACL_CLASSIFY_AVX512X32, 512 },
	};
	if (rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512))
		fprintf(stderr, "bench-acl: no 512-bit vectors\n");
	printf("{\"rules\":%zu,\"packets\":%zu,\"buildMs\":%.0f,\"bytes\":%zu,\"methods\":{", n, count, built * 1e3,
	       after.heap_allocsz_bytes - before.heap_allocsz_bytes);
	uint64_t sum = 0, hits = 0;
	int shown = 0;
	for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
		if (rte_acl_set_ctx_classify(acl, methods[m].alg))
			continue;
		double least = 1e9;
		for (double end = now() + atof(argv[3]); now() < end || least == 1e9;) {
			double start = now();
			for (size_t i = 0; i < count; i += CHUNK)
				if (rte_acl_classify(acl, data + i, results + i, count - i < CHUNK ? count - i : CHUNK, 1))
					die("rte_acl_classify");
			double time = now() - start;
			if (time < least)
				least = time;
		}
		uint64_t own = 0;
		hits = 0;
		for (size_t i = 0; i < count; i++)
			if (results[i]) {
				own += FIRST + 1 - results[i];
				hits++;
			}
		if (shown && own != sum)
			die("methods differ");
		sum = own;
		printf("%s\"%s\":%.0f", shown++ ? "," : "", methods[m].name, count / least);
	}
	printf("},\"prioritySum\":%" PRIu64 ",\"hits\":%" PRIu64 "}\n", sum, hits);
	return 0;
}
