#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/schema.h"
#include "tests/unit/sample_schema.h"
#include "tests/unit/scratch.h"

static const char full[] =
	"<?xml version=\"1.0\"?>\n"
	"<!-- a remark -->\n"
	"<sample name=\"a&lt;b&quot;c &amp; d\" source=\"by hand&#10;two lines\" memory_gb=\"80\" bandwidth_tb_s=\"3.35\"\n"
	"        offset=\"-1.5e-3\" count=\"-7\" open=\"true\" colour=\"Blue\">\n"
	"\t<part name=\"first\" pins=\"64k\"><hole depth_mm=\"0.3\"/><hole depth_mm=\"12\"/></part>\n"
	"\t<limits share=\"0.5\" strict=\"no\"/>\n"
	"\t<part name=\"\" length_cm=\"3.3\"/>\n"
	"\t<?ignored yes?>\n"
	"\t<part name=\"third\"><!-- nothing --></part>\n"
	"</sample>\n";

static bool load(const char *text, struct sample *s, struct arena *a, struct err *err)
{
	return schema_load_text("x.xml", text, strlen(text), &sample_element, s, a, err);
}

static void reads_everything(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct sample s;

	CU_ASSERT_TRUE_FATAL(load(full, &s, a, &err));
	SAME_TEXT(s.name, "a<b\"c & d");
	SAME_TEXT(s.source, "by hand\ntwo lines");
	CU_ASSERT_EQUAL(s.memory_bytes, 80e9);
	CU_ASSERT_EQUAL(s.bandwidth_bytes_s, 3.35 * 1e12);
	CU_ASSERT_EQUAL(s.offset, -1.5e-3);
	CU_ASSERT_EQUAL(s.count, -7);
	CU_ASSERT_TRUE(s.open);
	CU_ASSERT_EQUAL(s.colour, 2);
	CU_ASSERT(s.line == 3 || s.line == 4);          /* libxml2 numbers an element by the end of its tag */
	CU_ASSERT_EQUAL(s.limits.share, 0.5);
	CU_ASSERT_EQUAL(s.limits.most, 256);
	CU_ASSERT_FALSE(s.limits.strict);
	CU_ASSERT_EQUAL(s.limits.mode, 1);
	CU_ASSERT_PTR_NULL(s.label.text);
	CU_ASSERT_EQUAL_FATAL(s.part_count, 3);
	SAME_TEXT(s.parts[0].name, "first");
	CU_ASSERT_EQUAL(s.parts[0].pins, 64000);
	CU_ASSERT_EQUAL(s.parts[0].line, 5);
	CU_ASSERT_EQUAL(s.parts[0].length_m, 2.5 * 1e-2);
	CU_ASSERT_EQUAL_FATAL(s.parts[0].hole_count, 2);
	CU_ASSERT_EQUAL(s.parts[0].holes[1].depth_m, 12 * 1e-3);
	SAME_TEXT(s.parts[1].name, "");
	CU_ASSERT_EQUAL(s.parts[1].length_m, 3.3 * 1e-2);
	CU_ASSERT_EQUAL(s.parts[2].hole_count, 0);
	arena_free(a);
}

static void fallbacks_alone(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct sample s;

	memset(&s, 0x55, sizeof(s));
	CU_ASSERT_TRUE_FATAL(schema_defaults(&sample_element, &s, a, &err));
	CU_ASSERT_PTR_NULL(s.name);
	CU_ASSERT_TRUE(isnan(s.memory_bytes));
	CU_ASSERT_EQUAL(s.count, 0);
	CU_ASSERT_FALSE(s.open);
	CU_ASSERT_EQUAL(s.colour, 0);
	CU_ASSERT_EQUAL(s.limits.share, 0.9);
	CU_ASSERT_TRUE(s.limits.strict);
	CU_ASSERT_EQUAL(s.part_count, 0);
	CU_ASSERT_PTR_NULL(s.parts);
	arena_free(a);
}

/* A sample element with the given attributes and content. */
#define SAMPLE(attributes, content) "<sample name=\"n\" memory_gb=\"1\"" attributes ">" content "</sample>"

static void complaints(void)
{
	static const struct { const char *text, *says; } cases[] = {
		{ "", "x.xml:1: not readable XML: Document is empty" },
		{ "hello", "x.xml:1: not readable XML: Start tag expected, '<' not found" },
		{ "<sample", "x.xml:1: not readable XML: Couldn't find end of Start Tag sample line 1" },
		{ "<device/>", "x.xml:1: <device>: expected <sample>" },
		{ "<sample/>", "x.xml:1: <sample> needs the attribute 'name' (a short name)" },
		{ "<sample name='n'/>", "x.xml:1: <sample> needs the attribute 'memory_gb' (capacity)" },
		{ SAMPLE(" memroy_gb='1'", ""), "x.xml:1: <sample> has no attribute 'memroy_gb'; did you mean 'memory_gb'?" },
		{ SAMPLE(" zzzzzz='1'", ""), "x.xml:1: <sample> has no attribute 'zzzzzz'" },
		{ SAMPLE("", "\n<limit/>"), "x.xml:2: <sample> holds no <limit>; did you mean <limits>?" },
		{ SAMPLE("", "<zzzzzz/>"), "x.xml:1: <sample> holds no <zzzzzz>" },
		{ SAMPLE("", "<limits><part/></limits>"), "x.xml:1: <limits> holds no <part>" },
		{ SAMPLE("", "\n<limits/>\n<limits/>"), "x.xml:3: second <limits>: expected one" },
		{ SAMPLE("", "\n<part/>"), "x.xml:2: <part> needs the attribute 'name' (what it is called)" },
		{ SAMPLE("", "<label number='1'/>"), "x.xml:1: <label> needs the attribute 'text' (what it says)" },
		{ SAMPLE("", "words"), "x.xml:1: <sample> holds text: expected attributes and elements only" },
		{ SAMPLE("", "<![CDATA[words]]>"), "x.xml:1: <sample> holds text: expected attributes and elements only" },
		{ SAMPLE(" name='again'", ""), "x.xml:1: not readable XML: Attribute name redefined" },
		{ "<sample name='n' memory_gb='0'/>", "x.xml:1: memory_gb=\"0\": expected 0.001 to 1000000" },
		{ "<sample name='n' memory_gb='1e7'/>", "x.xml:1: memory_gb=\"1e7\": expected 0.001 to 1000000" },
		{ "<sample name='n' memory_gb='-1'/>", "x.xml:1: memory_gb=\"-1\": expected 0.001 to 1000000" },
		{ "<sample name='n' memory_gb='80 GB'/>", "x.xml:1: memory_gb=\"80 GB\": expected 0.001 to 1000000" },
		{ "<sample name='n' memory_gb='NaN'/>", "x.xml:1: memory_gb=\"NaN\": expected 0.001 to 1000000" },
		{ "<sample name='n' memory_gb=''/>", "x.xml:1: memory_gb=\"\": expected 0.001 to 1000000" },
		{ SAMPLE(" offset='inf'", ""), "x.xml:1: offset=\"inf\": expected a number" },
		{ SAMPLE(" offset='1e999'", ""), "x.xml:1: offset=\"1e999\": expected a number" },
		{ SAMPLE(" bandwidth_tb_s='1e300'", ""), "x.xml:1: bandwidth_tb_s=\"1e300\": expected a number" },
		{ SAMPLE(" count='1.5'", ""), "x.xml:1: count=\"1.5\": expected a whole number" },
		{ SAMPLE(" open='maybe'", ""), "x.xml:1: open=\"maybe\": expected yes or no" },
		{ SAMPLE(" colour='gren'", ""), "x.xml:1: colour=\"gren\": expected one of red green blue; did you mean 'green'?" },
		{ SAMPLE(" colour=''", ""), "x.xml:1: colour=\"\": expected one of red green blue" },
		{ SAMPLE("", "<limits most='0'/>"), "x.xml:1: most=\"0\": expected a whole number, 1 to 1000000" },
		{ SAMPLE("", "<part name='p'><hole depth_mm='101'/></part>"), "x.xml:1: depth_mm=\"101\": expected 0 to 100" },
		{ SAMPLE(" x:name='q' xmlns:x='urn:x'", ""), "x.xml:1: attribute x:name: expected plain names, no namespaces" },
		{ "<sample xmlns='urn:x' name='n' memory_gb='1'/>",
		  "x.xml:1: <sample> is in the namespace 'urn:x': expected plain names, no namespaces" },
		{ SAMPLE(" source='&undefined;'", ""), "x.xml:1: not readable XML: Entity 'undefined' not defined" },
		{ "<!DOCTYPE sample><sample name='n' memory_gb='1'/>", "x.xml:1: a DOCTYPE is not accepted here" },
		{ "<!DOCTYPE sample [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><sample name='n' source='s' memory_gb='1'>&e;</sample>",
		  "x.xml:1: a DOCTYPE is not accepted here" },
		{ "<!DOCTYPE sample SYSTEM 'http://127.0.0.1:9/x.dtd'><sample/>", "x.xml:1: a DOCTYPE is not accepted here" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct sample s;

		TRUE_FOR(cases[i].text, !load(cases[i].text, &s, a, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		SAME_TEXT(err.text, cases[i].says);
		arena_free(a);
	}
}

/* Ten entities of ten of the one before: 10^9 letters were they expanded. */
static void entity_bombs_do_not_go_off(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct str text = { 0 };
	struct sample s;

	str_add(&text, "<!DOCTYPE sample [<!ENTITY e0 'lollollol'>");
	for (int i = 1; i < 10; i++) {
		str_addf(&text, "<!ENTITY e%d '", i);
		for (int k = 0; k < 10; k++)
			str_addf(&text, "&e%d;", i - 1);
		str_add(&text, "'>");
	}
	str_add(&text, "]><sample name='&e9;' memory_gb='1'>&e9;</sample>");
	CU_ASSERT_FALSE(load(text.text, &s, a, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	CU_ASSERT(strstr(err.text, "DOCTYPE") || strstr(err.text, "not readable XML"));
	str_release(&text);
	arena_free(a);
}

/* A table may hold itself; a file may not make use of that for ever. */
static void nesting_is_bounded(void)
{
	static struct element node = { .name = "node", .size = 2 * sizeof(void *), .repeated = true, .offset = 0, .count_offset = sizeof(void *) };
	static const struct element *children[] = { &node, NULL };
	static const int depths[] = { 5, 32, 34, 200, 5000 };
	struct str text = { 0 };

	node.children = children;
	for (size_t i = 0; i < COUNT_OF(depths); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		unsigned char obj[2 * sizeof(void *)];
		bool ok;

		str_clear(&text);
		for (int k = 0; k < depths[i]; k++)
			str_add(&text, "<node>");
		for (int k = 0; k < depths[i]; k++)
			str_add(&text, "</node>");
		ok = schema_load_text("deep.xml", text.text, text.length, &node, obj, a, &err);
		CU_ASSERT_EQUAL(ok, depths[i] <= 33);
		if (!ok)
			CU_ASSERT(strstr(err.text, "deep.xml:1: elements nested over 32 deep") || strstr(err.text, "not readable XML"));
		arena_free(a);
	}
	str_release(&text);
}

static void files(void)
{
	char path[SCRATCH_PATH];
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct sample s;

	CU_ASSERT_FALSE(schema_load("tests/data/absent.xml", &sample_element, &s, a, &err));
	SAME_TEXT(err.text, "tests/data/absent.xml: not a readable XML file");
	err = (struct err){ 0 };
	CU_ASSERT_FALSE(schema_load("tests", &sample_element, &s, a, &err));
	SAME_TEXT(err.text, "tests: not a readable XML file");
	err = (struct err){ 0 };
	CU_ASSERT_TRUE(schema_load(scratch_text(path, "full.xml", full), &sample_element, &s, a, &err));
	SAME_TEXT(s.parts[0].name, "first");
	remove(path);
	arena_free(a);
}

static void many_repeated_children(void)
{
	enum { MANY = 3000 };
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct str text = { 0 };
	struct sample s;

	str_add(&text, "<sample name='n' memory_gb='1'>\n");
	for (int i = 0; i < MANY; i++)
		str_addf(&text, "<part name='p%d' pins='%d'><hole depth_mm='1'/><hole depth_mm='2'/><hole depth_mm='3'/></part>\n", i, i);
	str_add(&text, "</sample>");
	CU_ASSERT_TRUE_FATAL(load(text.text, &s, a, &err));
	CU_ASSERT_EQUAL_FATAL(s.part_count, MANY);
	for (int i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(s.parts[i].pins, i);
		CU_ASSERT_EQUAL(s.parts[i].line, i + 2);
		CU_ASSERT_EQUAL(s.parts[i].hole_count, 3);
		CU_ASSERT_EQUAL(s.parts[i].holes[2].depth_m, 3e-3);
	}
	str_release(&text);
	arena_free(a);
}

/* The canonical text of an object: what every attribute reads as. */
static void list(const char *path, const struct field *field, const char *value, void *ctx)
{
	CU_ASSERT_PTR_NOT_NULL(field->name);
	str_addf(ctx, "%s=%s\n", path, value);
}

static void visits_in_table_order(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct str out = { 0 };
	struct sample s;

	CU_ASSERT_TRUE_FATAL(load(full, &s, a, &err));
	CU_ASSERT_TRUE(schema_each(&sample_element, &s, list, &out));
	SAME_TEXT(str_text(&out), "name=a<b\"c & d\nsource=by hand\ntwo lines\nmemory_gb=80\nbandwidth_tb_s=3.35\noffset=-0.0015\ncount=-7\n"
				  "open=yes\ncolour=blue\nlimits.share=0.5\nlimits.most=256\nlimits.strict=no\nlimits.mode=exact\nlabel.number=0\n"
				  "part.0.name=first\npart.0.length_cm=2.5\npart.0.pins=64000\npart.0.hole.0.depth_mm=0.3\n"
				  "part.0.hole.1.depth_mm=12\npart.1.name=\npart.1.length_cm=3.3\npart.1.pins=0\npart.2.name=third\n"
				  "part.2.length_cm=2.5\npart.2.pins=0\n");
	str_release(&out);
	mem_fail_after(3);
	CU_ASSERT_FALSE(schema_each(&sample_element, &s, list, &out));
	mem_fail_after(0);
	str_release(&out);
	arena_free(a);
}

static bool valid(const char *xml, xmlRelaxNG *grammar)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), "x.xml", NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlRelaxNGValidCtxt *ctxt = xmlRelaxNGNewValidCtxt(grammar);
	bool ok;

	ok = doc && xmlRelaxNGValidateDoc(ctxt, doc) == 0;
	xmlRelaxNGFreeValidCtxt(ctxt);
	xmlFreeDoc(doc);
	return ok;
}

static xmlRelaxNG *grammar_of(const struct element *root)
{
	struct str text = { 0 };
	xmlRelaxNGParserCtxt *ctxt;
	xmlRelaxNG *grammar;

	schema_write_rng(root, &text);
	ctxt = xmlRelaxNGNewMemParserCtxt(text.text, (int)text.length);
	grammar = xmlRelaxNGParse(ctxt);
	xmlRelaxNGFreeParserCtxt(ctxt);
	str_release(&text);
	return grammar;
}

/* Any number the table allows, awkward ones too. */
static double number(struct rng *r, double least, double most)
{
	switch (rng_below(r, 4)) {
	case 0: return least + floor(rng_uniform(r) * 1000) / 1000 * (most - least);
	case 1: return least;
	case 2: return fmin(fmax(rng_lognormal(r, 0, 5), least), most);
	default: return least + rng_uniform(r) * (most - least);
	}
}

static void random_object(struct rng *r, struct str *text)
{
	char buf[64];
	size_t parts = rng_below(r, 5);

	str_addf(text, "<sample name=\"%s\" memory_gb=\"%.17g\"", rng_below(r, 2) ? "&#9;&lt;\xc3\xa9&#13;&#10;>" : "", number(r, 1e-3, 1e6));
	if (rng_below(r, 2))
		str_addf(text, " bandwidth_tb_s=\"%.*g\"", (int)rng_below(r, 17) + 1, number(r, -1e6, 1e6));
	if (rng_below(r, 2))
		str_addf(text, " offset=\"%.17g\" colour=\"green\"", rng_normal(r) * 1e-300);
	if (rng_below(r, 2))
		str_addf(text, " count=\"%lld\" open=\"%s\"", (long long)rng_next(r), rng_below(r, 2) ? "on" : "0");
	str_add(text, ">");
	if (rng_below(r, 2))
		str_addf(text, "<label text=\"%s\" number=\"%d\"/>", rng_below(r, 2) ? "" : "x", (int)rng_below(r, 3));
	for (size_t i = 0; i < parts; i++) {
		snprintf(buf, sizeof(buf), "%.*g", (int)rng_below(r, 17) + 1, number(r, -10, 10));
		str_addf(text, "<part name=\"%zu\" length_cm=\"%s\" pins=\"%d\">", i, buf, (int)rng_below(r, 1000));
		for (size_t k = rng_below(r, 4); k > 0; k--)
			str_addf(text, "<hole depth_mm=\"%.*g\"/>", (int)rng_below(r, 17) + 1, fmin(100, number(r, 0, 100)));
		str_add(text, "</part>");
	}
	if (rng_below(r, 2))
		str_addf(text, "<limits share=\"%.17g\" mode=\"fast\"/>", rng_uniform(r));
	str_add(text, "</sample>");
}

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || a == b || (isnan(a) && isnan(b));
}

static bool same_numbers(const struct sample *a, const struct sample *b)
{
	bool ok = same_bits(a->memory_bytes, b->memory_bytes) && same_bits(a->bandwidth_bytes_s, b->bandwidth_bytes_s) &&
		  same_bits(a->offset, b->offset) && same_bits(a->limits.share, b->limits.share) && a->part_count == b->part_count;

	for (size_t i = 0; ok && i < a->part_count; i++) {
		const struct part *p = &a->parts[i], *q = &b->parts[i];

		ok = same_bits(p->length_m, q->length_m) && p->hole_count == q->hole_count;
		for (size_t k = 0; ok && k < p->hole_count; k++)
			ok = same_bits(p->holes[k].depth_m, q->holes[k].depth_m);
	}
	return ok;
}

/* load, write, load: the same values to the last bit, the same text from then on, and RELAX NG agrees with each file. */
static void round_trips(void)
{
	xmlRelaxNG *grammar = grammar_of(&sample_element);
	struct rng r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(grammar);
	rng_init(&r, 21, "schema");
	for (int i = 0; i < 1500; i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct str in = { 0 }, once = { 0 }, twice = { 0 }, before = { 0 }, after = { 0 };
		struct sample s, t;

		if (i == 0)
			str_add(&in, full);
		else
			random_object(&r, &in);
		if (!load(in.text, &s, a, &err)) {
			fprintf(stderr, "%s\n%s\n", in.text, err.text);
			CU_FAIL_FATAL("does not load");
		}
		schema_write_xml(&sample_element, &s, &once);
		if (!load(once.text, &t, a, &err)) {
			fprintf(stderr, "%s\n%s\n%s\n", in.text, once.text, err.text);
			CU_FAIL_FATAL("does not load again");
		}
		TRUE_FOR(in.text, same_numbers(&s, &t));
		schema_write_xml(&sample_element, &t, &twice);
		SAME_TEXT(twice.text, once.text);
		schema_each(&sample_element, &s, list, &before);
		schema_each(&sample_element, &t, list, &after);
		SAME_TEXT(str_text(&after), str_text(&before));
		TRUE_FOR(once.text, valid(once.text, grammar));
		if (i > 0)
			TRUE_FOR(in.text, valid(in.text, grammar));
		str_release(&in);
		str_release(&once);
		str_release(&twice);
		str_release(&before);
		str_release(&after);
		arena_free(a);
	}
	xmlRelaxNGFree(grammar);
}

/* An optional element that is not there is not written, though its attributes are required once it is. */
static void absent_elements_stay_absent(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct str out = { 0 };
	struct sample s;

	CU_ASSERT_TRUE_FATAL(load("<sample name='n' memory_gb='2'/>", &s, a, &err));
	schema_write_xml(&sample_element, &s, &out);
	SAME_TEXT(out.text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sample name=\"n\" memory_gb=\"2\"/>\n");
	str_clear(&out);
	CU_ASSERT_TRUE_FATAL(load("<sample name='n' memory_gb='2'><label text='' number='0'/></sample>", &s, a, &err));
	schema_write_xml(&sample_element, &s, &out);
	SAME_TEXT(out.text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sample name=\"n\" memory_gb=\"2\">\n"
			    "\t<label text=\"\" number=\"0\"/>\n</sample>\n");
	str_release(&out);
	arena_free(a);
}

static void grammar_refuses_what_the_loader_refuses(void)
{
	static const char *const bad[] = {
		"<device/>", "<sample/>", "<sample name='n'/>", SAMPLE(" zzz='1'", ""), SAMPLE("", "<zzz/>"), SAMPLE("", "words"),
		SAMPLE("", "<limits/><limits/>"), SAMPLE("", "<part/>"), "<sample name='n' memory_gb='0'/>", "<sample name='n' memory_gb='x'/>",
		SAMPLE(" open='maybe'", ""), SAMPLE(" colour='gren'", ""), SAMPLE("", "<limits most='0'/>"), SAMPLE("", "<limits most='1000001'/>"),
		SAMPLE("", "<part name='p' pins='1000000000001'/>"),
	};
	xmlRelaxNG *grammar = grammar_of(&sample_element);

	CU_ASSERT_PTR_NOT_NULL_FATAL(grammar);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		TRUE_FOR(bad[i], !valid(bad[i], grammar));
	TRUE_FOR("largest pins", valid(SAMPLE("", "<part name='p' pins='1000000000000'/>"), grammar));
	xmlRelaxNGFree(grammar);
}

static void sets_by_path(void)
{
	static const struct { const char *path, *value, *says; } cases[] = {
		{ "memory_gb", "40", NULL }, { "limits.share", "0.25", NULL }, { "part.1.name", "renamed", NULL }, { "part.0.hole.1.depth_mm", "7", NULL },
		{ "part.3.name", "appended", NULL }, { "part.3.hole.0.depth_mm", "1.25", NULL }, { "label.text", "x", NULL },
		{ "memroy_gb", "40", "--set p=v: no 'memroy_gb' in sample; did you mean 'memory_gb'?" },
		{ "limit.share", "1", "--set p=v: no 'limit' in sample; did you mean 'limits'?" },
		{ "limits.shore", "1", "--set p=v: no 'shore' in limits; did you mean 'share'?" },
		{ "zzzz.a", "1", "--set p=v: no 'zzzz' in sample" },
		{ "", "1", "--set p=v: no '' in sample" },
		{ ".", "1", "--set p=v: no '' in sample" },
		{ "part.name", "1", "--set p=v: 'part' is a list of 4: expected part.INDEX.ATTRIBUTE" },
		{ "part.5.name", "1", "--set p=v: 'part' is a list of 4: expected part.INDEX.ATTRIBUTE" },
		{ "part.9.name", "1", "--set p=v: 'part' is a list of 4: expected part.INDEX.ATTRIBUTE" },
		{ "part.-1.name", "1", "--set p=v: 'part' is a list of 4: expected part.INDEX.ATTRIBUTE" },
		{ "part. 1.name", "1", "--set p=v: 'part' is a list of 4: expected part.INDEX.ATTRIBUTE" },
		{ "part.1", "1", "--set p=v: 'part' is a list of 4: expected part.INDEX.ATTRIBUTE" },
		{ "part.99999999999999999999999.name", "1", "--set p=v: 'part' is a list of 4: expected part.INDEX.ATTRIBUTE" },
		{ "limits.share", "2", "--set p=v: share=\"2\": expected 0 to 1" },
		{ "limits.mode", "exakt", "--set p=v: mode=\"exakt\": expected one of fast exact; did you mean 'exact'?" },
		{ "name", "bad \xff", "--set p=v: name=\"bad \xff\": expected text (UTF-8, no control characters)" },
		{ "name", "a\x01", "--set p=v: name=\"a \": expected text (UTF-8, no control characters)" },
	};
	static const struct { const char *path, *value; } after[] = {
		{ "memory_gb", "40" }, { "limits.share", "0.25" }, { "part.1.name", "renamed" }, { "part.0.hole.1.depth_mm", "7" },
		{ "part.3.name", "appended" }, { "part.3.length_cm", "2.5" }, { "part.3.hole.0.depth_mm", "1.25" }, { "label.text", "x" },
		{ "limits.mode", "exact" }, { "open", "yes" },
	};
	static const char *const unknown[] = { "none", "limits", "limits.none", "none.x", "part", "part.0", "part.7.name", "part.x.name", "", "." };
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct str out = { 0 };
	struct sample s;

	CU_ASSERT_TRUE_FATAL(load(full, &s, a, &err));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool ok = schema_set(&sample_element, &s, cases[i].path, cases[i].value, "--set p=v", a, &err);

		TRUE_FOR(cases[i].path, ok == !cases[i].says);
		SAME_TEXT(err.text, cases[i].says ? cases[i].says : "");
		err = (struct err){ 0 };
	}
	for (size_t i = 0; i < COUNT_OF(after); i++) {
		str_clear(&out);
		TRUE_FOR(after[i].path, schema_get(&sample_element, &s, after[i].path, &out));
		SAME_TEXT(str_text(&out), after[i].value);
	}
	for (size_t i = 0; i < COUNT_OF(unknown); i++)
		TRUE_FOR(unknown[i], !schema_get(&sample_element, &s, unknown[i], &out));
	str_release(&out);
	arena_free(a);
}

/* Values that code computed, and those that a user typed, all read back; typed ones as they were typed. */
static void units_are_exact(void)
{
	static const char *const typed[] = { "3.3", "0.1", "12.7", "99.9", "0.3", "7.77", "1e-05", "33.3333333333333" };
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct str out = { 0 };
	struct sample s;

	CU_ASSERT_TRUE_FATAL(load(SAMPLE("", "<part name='p'><hole depth_mm='1'/></part>"), &s, a, &err));
	for (size_t i = 0; i < COUNT_OF(typed); i++) {
		CU_ASSERT_TRUE(schema_set(&sample_element, &s, "part.0.hole.0.depth_mm", typed[i], "t", a, &err));
		str_clear(&out);
		CU_ASSERT_TRUE(schema_get(&sample_element, &s, "part.0.hole.0.depth_mm", &out));
		SAME_TEXT(str_text(&out), typed[i]);
	}
	str_release(&out);
	arena_free(a);
}

static void survives_lack_of_memory(void)
{
	bool done = false;

	for (size_t n = 1; n < 60 && !done; n++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct str out = { 0 };
		struct sample s;

		mem_fail_after(n);
		if (load(full, &s, a, &err) && schema_set(&sample_element, &s, "part.3.name", "x", "t", a, &err)) {
			schema_write_xml(&sample_element, &s, &out);
			done = !out.failed;
		} else {
			SAME_TEXT(err.text, "out of memory");
		}
		mem_fail_after(0);
		str_release(&out);
		arena_free(a);
	}
	CU_ASSERT_TRUE(done);
}

static void reference_page(void)
{
	struct str out = { 0 };

	schema_write_reference(&sample_element, &out);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.text, "## sample\n\n### `<sample>`\n\na sample of everything\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.text, "| `memory_gb` | number 0.001 to 1e+06 | (required) | capacity |\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.text, "| `limits.mode` | choice: fast, exact | exact | how |\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.text, "### `<hole>` (repeated)"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.text, "| `part.N.hole.N.depth_mm` | number 0 to 100 | (required) | how deep |\n"));
	str_release(&out);
}

CU_TestInfo suite_schema[] = {
	{ "reads everything a table can say", reads_everything },
	{ "fallbacks alone", fallbacks_alone },
	{ "what it says about bad files", complaints },
	{ "entity bombs do not go off", entity_bombs_do_not_go_off },
	{ "nesting is bounded", nesting_is_bounded },
	{ "files, folders, absent files", files },
	{ "thousands of repeated children", many_repeated_children },
	{ "visits attributes in table order", visits_in_table_order },
	{ "load, write, load: same bits, RELAX NG agrees", round_trips },
	{ "absent elements stay absent", absent_elements_stay_absent },
	{ "RELAX NG refuses what the loader refuses", grammar_refuses_what_the_loader_refuses },
	{ "sets and gets by path", sets_by_path },
	{ "units do not spoil digits", units_are_exact },
	{ "lack of memory", survives_lack_of_memory },
	{ "the reference page", reference_page },
	CU_TEST_INFO_NULL
};
