/* The load generator's parts: see load.c for what they are together. */
#ifndef GANTRY_PERF_LOAD_H
#define GANTRY_PERF_LOAD_H

#include "http.h"
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* The command line. */
struct options {
  const char *url, *request;
  int clients, pid;
  double seconds, warm_up;
  unsigned long long count, bytes;
  bool new_connections;
};
extern struct options options;

/* Wrong answers: how many, and what the first was. */
struct failures {
  unsigned long long number;
  char first[200];
};
extern struct failures failures;

/* What the docker CLI sends with every request. */
#define CLI_HEADERS "Host: docker\r\nUser-Agent: Docker-Client/28.0.1 (linux)\r\n"

/* A request and what its reply must be. */
struct request {
  char bytes[8192];
  size_t size;
  int status;                /* expected */
  unsigned long long answer; /* expected body bytes */
  size_t id_at;              /* where the container's id stands, if another is asked for each time */
};

/* Notes a wrong answer; the first one's text is kept. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Nanoseconds of a clock that only goes forward. */
uint64_t now(void);
/* Nanoseconds of CPU of a process and its descendants, or of ourselves. */
uint64_t cpu_of(int pid);
uint64_t cpu_own(void);
/* A blocking connection to the gateway for the client of this number; -1 when there is none. */
int dial(int client);
/* The request of this name: info, inspect, list, create. */
struct request make_request(const char *name);

/* The three modes; each prints its line of JSON and answers the exit code. */
int run_calls(void);
int run_stream(const char *what);
int run_idle(void);

#endif
