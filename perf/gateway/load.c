/*
 * The load generator: asks, and checks every reply's status and exact size. A wrong answer is a failure,
 * is never counted as a call, and makes the exit code 1. One line of JSON on standard output.
 *
 *   load calls  URL [-c CLIENTS] [-t SECONDS] [-w WARM_UP] [-n COUNT] [-r info|inspect|list|create] [-k] [-p PID]
 *   load stream URL WHAT [-b BYTES] [-p PID]      WHAT: down, down-chunked, up, up-chunked, hijack-down, hijack-up
 *   load idle   URL [-n STREAMS] [-t SECONDS]     opens event streams, prints, holds them until stdin ends
 *
 * URL is unix:///path or tcp://127.0.0.1:port. -k opens a new connection for each call. -p names the gateway's
 * process: its CPU time and its descendants' is read from /proc before and after, in nanoseconds.
 */
#include "load.h"
#include <stdarg.h>
#include <time.h>

struct options options = {.request = "info", .clients = 1, .seconds = 2, .warm_up = 0.5, .bytes = 1ull << 30};
struct failures failures;

void fail(const char *format, ...) {
  if (failures.number++ > 0) return;
  va_list values;
  va_start(values, format);
  vsnprintf(failures.first, sizeof failures.first, format, values);
  va_end(values);
  for (char *c = failures.first; *c; c++) { /* it will stand in a JSON string */
    if ((unsigned char)*c < ' ' || *c & 128 || *c == '"' || *c == '\\') *c = ' ';
  }
}

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int usage(void) {
  fprintf(stderr, "usage: load calls|stream|idle URL [WHAT] [-c CLIENTS] [-t SECONDS] [-w WARM_UP] [-n COUNT] "
                  "[-r info|inspect|list|create] [-b BYTES] [-k] [-p PID]\n");
  return 2;
}

int main(int argc, char **argv) {
  if (argc < 3) return usage();
  const char *mode = argv[1];
  options.url = argv[2];
  bool stream = strcmp(mode, "stream") == 0;
  if (stream && argc < 4) return usage();
  optind = stream ? 4 : 3;
  for (int flag; (flag = getopt(argc, argv, "c:t:w:n:r:b:p:k")) != -1;) {
    if (flag == 'c') options.clients = atoi(optarg);
    else if (flag == 't') options.seconds = atof(optarg);
    else if (flag == 'w') options.warm_up = atof(optarg);
    else if (flag == 'n') options.count = strtoull(optarg, NULL, 10);
    else if (flag == 'r') options.request = optarg;
    else if (flag == 'b') options.bytes = strtoull(optarg, NULL, 10);
    else if (flag == 'p') options.pid = atoi(optarg);
    else if (flag == 'k') options.new_connections = true;
    else return usage();
  }
  if (stream) return run_stream(argv[3]);
  if (strcmp(mode, "calls") == 0) return run_calls();
  return strcmp(mode, "idle") == 0 ? run_idle() : usage();
}
