/* The rows of the manager's configuration, for whoever needs a list of them: define
 *   CG_CONFIG_ROW(ID, section, name, kind, member, min, max, words, default, help)
 * before this is included. No guard: it is included more than once. */

#define CG_MS(n)  ((uint64_t)(n)*1000)
#define CG_SEC(n) ((uint64_t)(n)*1000000)
#define CG_DAY    CG_SEC(86400)
#define CG_MIB(n) ((uint64_t)(n) << 20)

/* [pressure]: how it is watched. */
CG_CONFIG_ROW(WINDOW, "pressure", "window", TIME, window, CG_MS(500), CG_SEC(10), NULL, "500ms",
	"over which time stalls are counted; without CAP_SYS_RESOURCE the kernel takes no less than 2s")
CG_CONFIG_ROW(INTERVAL, "pressure", "interval", TIME, interval, CG_MS(20), CG_SEC(10), NULL, "100ms",
	"how often stalls are read while there is pressure; without pressure nothing wakes up")
CG_CONFIG_ROW(CALM, "pressure", "calm", TIME, calm, 0, CG_SEC(600), NULL, "2s",
	"how long pressure must stay below the leave threshold of a step before it is taken back")
CG_CONFIG_ROW(PACE, "pressure", "pace", TIME, pace, 0, CG_SEC(600), NULL, "1s",
	"time between taking back one step and the next")
CG_CONFIG_ROW(REPEAT, "pressure", "repeat", TIME, repeat, CG_SEC(1), CG_DAY, NULL, "1min",
	"an unchanged reason for doing nothing is told again after this time")
CG_CONFIG_ROW(
	DRY_RUN, "pressure", "dry-run", BOOL, dry_run, 0, 1, NULL, "no", "decide and record, but do nothing")

/* The thresholds of a resource. */
#define CG_CONFIG_STEP(R, section, STEP, step, enter_at, leave_at)                                           \
	CG_CONFIG_ROW(R##_##STEP##_ENTER, section, step "-enter", PERCENT,                                   \
		resource[CG_RESOURCE_##R].enter[CG_STEP_##STEP], 1, 100, NULL, enter_at,                     \
		"stalled share of the window from which the step is taken")                                  \
	CG_CONFIG_ROW(R##_##STEP##_LEAVE, section, step "-leave", PERCENT,                                   \
		resource[CG_RESOURCE_##R].leave[CG_STEP_##STEP], 0, 99, NULL, leave_at,                      \
		"stalled share of the window below which the step is taken back")
#define CG_CONFIG_KILL(R, section, enter_at)                                                                 \
	CG_CONFIG_ROW(R##_KILL_ENTER, section, "kill-enter", PERCENT,                                        \
		resource[CG_RESOURCE_##R].enter[CG_STEP_KILL], 1, 100, NULL, enter_at,                       \
		"stalled share of the window from which a job is killed")
#define CG_CONFIG_COMMON(R, section, steps_at, share_at)                                                     \
	CG_CONFIG_ROW(R##_STEPS, section, "steps", STEPS, resource[CG_RESOURCE_##R].steps, 0,                \
		(1 << CG_STEPS) - 1, NULL, steps_at, "which steps pressure on this resource may take")       \
	CG_CONFIG_ROW(R##_STALL, section, "stall", CHOICE, resource[CG_RESOURCE_##R].stall, 0, 1,            \
		cg_stall_words, "some",                                                                      \
		"which stalls count: of some tasks, or of all that could run at once")                       \
	CG_CONFIG_ROW(R##_MIN_SHARE, section, "min-share", PERCENT, resource[CG_RESOURCE_##R].min_share, 0,  \
		100, NULL, share_at, "a job that uses less of what all jobs use is never a victim")

/* [memory]: a frozen job gives nothing back, so the freeze is for those who ask for it. In use is what is
 * neither free nor can be taken back at once, of the host's or of the root's limit. */
CG_CONFIG_COMMON(MEMORY, "memory", "admission brake kill", "5%")
CG_CONFIG_ROW(MEMORY_MIN_SIZE, "memory", "min-size", SIZE, resource[CG_RESOURCE_MEMORY].min_size, 0,
	CG_MIB(1 << 20), NULL, "16M", "a job with less memory is never a victim")
CG_CONFIG_ROW(MEMORY_USAGE, "memory", "usage", PERCENT, resource[CG_RESOURCE_MEMORY].usage, 0, 100, NULL,
	"80%", "memory in use below which stalls alone move nothing")
CG_CONFIG_ROW(MEMORY_KILL_USAGE, "memory", "kill-usage", PERCENT, resource[CG_RESOURCE_MEMORY].kill_usage, 0,
	100, NULL, "90%", "memory in use below which nothing is killed")
CG_CONFIG_STEP(MEMORY, "memory", ADMISSION, "admission", "10%", "5%")
CG_CONFIG_STEP(MEMORY, "memory", BRAKE, "brake", "15%", "5%")
CG_CONFIG_STEP(MEMORY, "memory", DEMOTE, "demote", "20%", "8%")
CG_CONFIG_STEP(MEMORY, "memory", FREEZE, "freeze", "30%", "10%")
CG_CONFIG_KILL(MEMORY, "memory", "30%")

/* [cpu]: in use is the share of all processors that the jobs had. */
CG_CONFIG_COMMON(CPU, "cpu", "demote", "10%")
CG_CONFIG_ROW(CPU_USAGE, "cpu", "usage", PERCENT, resource[CG_RESOURCE_CPU].usage, 0, 100, NULL, "80%",
	"processor time of the jobs below which stalls alone move nothing")
CG_CONFIG_ROW(CPU_KILL_USAGE, "cpu", "kill-usage", PERCENT, resource[CG_RESOURCE_CPU].kill_usage, 0, 100,
	NULL, "95%", "processor time of the jobs below which nothing is killed")
CG_CONFIG_STEP(CPU, "cpu", ADMISSION, "admission", "40%", "20%")
CG_CONFIG_STEP(CPU, "cpu", BRAKE, "brake", "50%", "20%")
CG_CONFIG_STEP(CPU, "cpu", DEMOTE, "demote", "50%", "20%")
CG_CONFIG_STEP(CPU, "cpu", FREEZE, "freeze", "90%", "40%")
CG_CONFIG_KILL(CPU, "cpu", "99%")

/* [io]: in use is what the jobs read and write. A single reader keeps a disk busy and stalls all the time,
 * and nobody is hurt: without being told to, nothing is done about it. */
CG_CONFIG_COMMON(IO, "io", "none", "20%")
CG_CONFIG_ROW(IO_USAGE, "io", "usage", SIZE, resource[CG_RESOURCE_IO].usage, 0, UINT64_MAX >> 1, NULL, "1M",
	"bytes a second of the jobs below which stalls alone move nothing")
CG_CONFIG_ROW(IO_KILL_USAGE, "io", "kill-usage", SIZE, resource[CG_RESOURCE_IO].kill_usage, 0,
	UINT64_MAX >> 1, NULL, "4M", "bytes a second of the jobs below which nothing is killed")
CG_CONFIG_STEP(IO, "io", ADMISSION, "admission", "60%", "30%")
CG_CONFIG_STEP(IO, "io", BRAKE, "brake", "60%", "30%")
CG_CONFIG_STEP(IO, "io", DEMOTE, "demote", "60%", "30%")
CG_CONFIG_STEP(IO, "io", FREEZE, "freeze", "80%", "30%")
CG_CONFIG_KILL(IO, "io", "95%")

/* The steps themselves. */
#define CG_CONFIG_TIMES(STEP, section, dwell_at, max_at, rest_at)                                            \
	CG_CONFIG_ROW(STEP##_DWELL, section, "dwell", TIME, step[CG_STEP_##STEP].dwell, 0, CG_DAY, NULL,     \
		dwell_at, "the step holds at least as long, and is not taken again within it")               \
	CG_CONFIG_ROW(STEP##_MAX, section, "max", TIME, step[CG_STEP_##STEP].max, CG_MS(100), CG_DAY, NULL,  \
		max_at, "the step ends after this time, whatever the pressure")                              \
	CG_CONFIG_ROW(STEP##_REST, section, "rest", TIME, step[CG_STEP_##STEP].rest, 0, CG_DAY, NULL,        \
		rest_at, "after that the step is not taken again (on the same job) for this time")

CG_CONFIG_TIMES(ADMISSION, "admission", "1s", "10min", "5s")
CG_CONFIG_ROW(WHEN_CLOSED, "admission", "when-closed", CHOICE, when_closed, 0, 1, cg_when_closed_words,
	"reject", "what becomes of a job that asks to start under pressure")
CG_CONFIG_TIMES(BRAKE, "brake", "2s", "30s", "10s")
CG_CONFIG_ROW(BRAKE_CUT, "brake", "cut", PERCENT, brake_cut, 0, 90, NULL, "5%",
	"how far below what the job has memory.high is put")
CG_CONFIG_ROW(BRAKE_FLOOR, "brake", "floor", SIZE, brake_floor, 0, CG_MIB(1 << 20), NULL, "16M",
	"but never below this")
CG_CONFIG_ROW(BRAKE_MARGIN, "brake", "margin", PERCENT, brake_margin, 0, 50, NULL, "5%",
	"a job with memory.max and no memory.high gets one, so far below; 0%: it gets none")
CG_CONFIG_TIMES(DEMOTE, "demote", "1s", "1min", "5s")
CG_CONFIG_ROW(DEMOTED_WEIGHT, "demote", "weight", NUMBER, demoted_weight, 1, 10000, NULL, "10",
	"what a demoted job gets as cpu.weight; a job that has less keeps it")
CG_CONFIG_TIMES(FREEZE, "freeze", "1s", "30s", "10s")
CG_CONFIG_ROW(KILL_DWELL, "kill", "dwell", TIME, step[CG_STEP_KILL].dwell, 0, CG_DAY, NULL, "500ms",
	"time from the end of a killed job to the next kill")
CG_CONFIG_ROW(KILL_WAIT, "kill", "wait", TIME, kill_wait, CG_MS(100), CG_DAY, NULL, "10s",
	"a killed job that still has processes after this time is reported, and another may be chosen")

CG_CONFIG_ROW(METRICS_FILE, "metrics", "file", FILE, metrics_file, 0, 0, NULL, "none",
	"OpenMetrics text is written there, for a collector of text files")
CG_CONFIG_ROW(METRICS_INTERVAL, "metrics", "interval", TIME, metrics_interval, CG_SEC(1), CG_DAY, NULL, "15s",
	"how often that is done while jobs run")
CG_CONFIG_ROW(EVENTS_FILE, "events", "file", FILE, events_file, 0, 0, NULL, "none",
	"events are appended there as EVENT lines; else they go to stderr")

#undef CG_MS
#undef CG_SEC
#undef CG_DAY
#undef CG_MIB
#undef CG_CONFIG_STEP
#undef CG_CONFIG_KILL
#undef CG_CONFIG_COMMON
#undef CG_CONFIG_TIMES
