/* Many small calls over some connections, one epoll: how many a second, and how long each took. */
#include "load.h"
#include <sys/epoll.h>

#define REPLY_LIMIT 65536
#define GIVE_UP_AFTER 100 /* failures */

/* 64 buckets for each power of two: a bucket is at most 1.6 % wide. */
#define STEPS 64
static uint32_t histogram[64 * STEPS];

static void record(uint64_t ns) {
  if (ns < STEPS) ns = STEPS;
  int power = 63 - __builtin_clzll(ns);
  histogram[power * STEPS + ((ns >> (power - 6)) & (STEPS - 1))]++;
}

/* Microseconds at which this share of the calls had been answered. */
static double percentile(unsigned long long calls, double share) {
  unsigned long long wanted = (unsigned long long)((double)calls * share), seen = 0;
  for (int i = 6 * STEPS; i < 64 * STEPS; i++) {
    seen += histogram[i];
    if (seen > wanted) return (double)((1ull << i / STEPS) + ((unsigned long long)(i % STEPS) << (i / STEPS - 6))) / 1e3;
  }
  return 0;
}

struct client {
  int fd, number;
  uint64_t began;
  char in[REPLY_LIMIT];
  size_t have;
  bool in_body;
  struct head head;
  struct body body;
};

static int epoll;
static struct request request;
static bool measuring;
static unsigned long long calls, reconnects;

static bool open_client(struct client *client) {
  client->fd = dial(client->number);
  if (client->fd < 0) return false;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
  epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
  return true;
}

static void name_another(void) {
  static uint32_t id;
  id++;
  for (int i = 0; i < 8; i++) request.bytes[request.id_at + (size_t)i] = "0123456789abcdef"[id >> (i * 4) & 15];
}

static bool ask(struct client *client) {
  if (request.id_at > 0) name_another();
  client->have = 0;
  client->in_body = false;
  if (send(client->fd, request.bytes, request.size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)request.size) return true;
  fail("the request could not be sent: %s", strerror(errno));
  return false;
}

/* The clock starts before the connection is opened, when each call has its own. */
static void begin(struct client *client, bool fresh) {
  client->began = now();
  if (fresh) {
    if (client->fd >= 0) close(client->fd);
    client->fd = -1;
    while (failures.number < GIVE_UP_AFTER && !open_client(client)) continue;
  }
  if (client->fd >= 0 && !ask(client) && failures.number < GIVE_UP_AFTER) begin(client, true);
}

static bool right(struct client *client, size_t over) {
  if (client->body.wrong) fail("broken chunks");
  else if (client->head.status != request.status)
    fail("status %d instead of %d: %.120s", client->head.status, request.status, client->in + client->head.size);
  else if (client->body.got != request.answer)
    fail("%llu body bytes instead of %llu", client->body.got, request.answer);
  else if (over > 0) fail("%zu bytes after the reply's end", over);
  else return true;
  return false;
}

static void finish(struct client *client, size_t over) {
  bool good = right(client, over);
  if (good && measuring) {
    record(now() - client->began);
    calls++;
  }
  if (good && client->head.close && !options.new_connections) reconnects++;
  begin(client, !good || client->head.close || options.new_connections);
}

static void readable(struct client *client) {
  ssize_t got = recv(client->fd, client->in + client->have, sizeof client->in - client->have, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    fail("the connection ended before the reply was whole (%zu bytes): %s", client->have, got < 0 ? strerror(errno) : "end");
    return begin(client, true);
  }
  size_t from = client->have;
  client->have += (size_t)got;
  if (!client->in_body) {
    if (!read_head(client->in, client->have, &client->head)) return;
    client->in_body = true;
    client->body = body_of(&client->head);
    from = client->head.size;
  }
  size_t used = feed(&client->body, client->in + from, client->have - from);
  if (client->body.done) finish(client, client->have - from - used);
}

static void run_until(uint64_t deadline, unsigned long long count) {
  struct epoll_event ready[256];
  while (now() < deadline && calls < count && failures.number < GIVE_UP_AFTER) {
    int number = epoll_wait(epoll, ready, 256, 100);
    for (int i = 0; i < number; i++) readable(ready[i].data.ptr);
  }
}

int run_calls(void) {
  request = make_request(options.request);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct client *clients = calloc((size_t)options.clients, sizeof *clients);
  for (int i = 0; i < options.clients; i++) {
    clients[i].number = i;
    clients[i].fd = -1;
    begin(&clients[i], true);
  }
  run_until(now() + (uint64_t)(options.warm_up * 1e9), ~0ull);
  uint64_t cpu = cpu_of(options.pid), own = cpu_own(), began = now();
  measuring = true;
  run_until(began + (uint64_t)(options.seconds * 1e9), options.count ? options.count : ~0ull);
  double seconds = (double)(now() - began) / 1e9, each = calls ? (double)calls : 1;
  printf("{\"calls\":%llu,\"seconds\":%.3f,\"callsPerSecond\":%.0f,\"p50\":%.1f,\"p99\":%.1f,\"cpu\":%.2f,\"loadCpu\":%.2f,"
         "\"reconnects\":%llu,\"failures\":%llu,\"firstFailure\":\"%s\"}\n",
         calls, seconds, (double)calls / seconds, percentile(calls, 0.5), percentile(calls, 0.99),
         (double)(cpu_of(options.pid) - cpu) / 1e3 / each, (double)(cpu_own() - own) / 1e3 / each, reconnects,
         failures.number, failures.first);
  return failures.number > 0 || calls == 0;
}
