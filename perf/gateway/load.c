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
#include "http.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REPLY_LIMIT 65536
#define GIVE_UP_AFTER 100 /* failures */

static struct {
  const char *url, *request;
  int clients, pid;
  double seconds, warm_up;
  unsigned long long count, bytes;
  bool new_connections;
} options = {.request = "info", .clients = 1, .seconds = 2, .warm_up = 0.5, .bytes = 1ull << 30};

static struct {
  unsigned long long number;
  char first[200];
} failures;

static void fail(const char *format, ...) {
  if (failures.number++ > 0) return;
  va_list values;
  va_start(values, format);
  vsnprintf(failures.first, sizeof failures.first, format, values);
  va_end(values);
  for (char *c = failures.first; *c; c++) { /* it will stand in a JSON string */
    if ((unsigned char)*c < ' ' || *c & 128 || *c == '"' || *c == '\\') *c = ' ';
  }
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---- CPU time of the gateway ------------------------------------------------------------------------- */

static uint64_t cpu_of_threads(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  uint64_t total = 0;
  for (struct dirent *task; tasks && (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    char file[400];
    snprintf(file, sizeof file, "/proc/%d/task/%s/schedstat", pid, task->d_name);
    FILE *stat = fopen(file, "r");
    unsigned long long ran = 0;
    if (stat && fscanf(stat, "%llu", &ran) == 1) total += ran;
    if (stat) fclose(stat);
  }
  if (tasks) closedir(tasks);
  return total;
}

static int parent_of(int pid) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *stat = fopen(path, "r");
  if (!stat) return 0;
  int parent = 0;
  if (fgets(line, sizeof line, stat)) {
    char *after = strrchr(line, ')');
    if (after) sscanf(after + 2, "%*c %d", &parent);
  }
  fclose(stat);
  return parent;
}

/* Nanoseconds of CPU of a process and everything below it: nginx works in a child, so may others. */
static uint64_t cpu_of(int pid) {
  if (pid == 0) return 0;
  uint64_t total = cpu_of_threads(pid);
  DIR *processes = opendir("/proc");
  for (struct dirent *entry; processes && (entry = readdir(processes));) {
    int child = atoi(entry->d_name);
    if (child > 0 && parent_of(child) == pid) total += cpu_of(child);
  }
  if (processes) closedir(processes);
  return total;
}

static uint64_t cpu_own(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

/* ---- connections ------------------------------------------------------------------------------------- */

static int dial_tcp(const char *where, int client) {
  struct sockaddr_in to = {.sin_family = AF_INET}, from = {.sin_family = AF_INET};
  char host[64];
  int port, one = 1;
  if (sscanf(where, "%63[0-9.]:%d", host, &port) != 2) return -1;
  inet_pton(AF_INET, host, &to.sin_addr);
  to.sin_port = htons((uint16_t)port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  /* Each client has a loopback address of its own, or one-connection-a-call runs out of ports. */
  from.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)client % 250);
  if (ntohl(to.sin_addr.s_addr) >> 24 == 127) {
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind(fd, (struct sockaddr *)&from, sizeof from);
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
  close(fd);
  return -1;
}

static int dial_unix(const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
  close(fd);
  return -1;
}

static int dial(int client) {
  int fd = -1;
  if (strncmp(options.url, "unix://", 7) == 0) fd = dial_unix(options.url + 7);
  else if (strncmp(options.url, "tcp://", 6) == 0) fd = dial_tcp(options.url + 6, client);
  if (fd < 0) fail("cannot connect to %s: %s", options.url, strerror(errno));
  return fd;
}

/* ---- requests ---------------------------------------------------------------------------------------- */

/* What the docker CLI sends with every request. */
#define CLI_HEADERS "Host: docker\r\nUser-Agent: Docker-Client/28.0.1 (linux)\r\n"
#define CREATE_BODY 3072

struct request {
  char bytes[8192];
  size_t size;
  int status;                /* expected */
  unsigned long long answer; /* expected body bytes */
  size_t id_at;              /* where the container's id stands, if another is asked for each time */
};

/* A container's configuration of 3 KB, the size `docker run` sends: environment, labels, limits. */
static void make_create(struct request *request) {
  char body[CREATE_BODY + 1], pad[CREATE_BODY];
  int at = sprintf(body, "{\"Image\":\"nginx:latest\",\"Cmd\":[\"nginx\",\"-g\",\"daemon off;\"],\"Labels\":{\"tier\":\"front\"");
  for (int i = 0; i < 20; i++) at += sprintf(body + at, ",\"com.example.label%02d\":\"text of %d\"", i, i);
  at += sprintf(body + at, "},\"HostConfig\":{\"Memory\":268435456,\"NetworkMode\":\"default\",\"Binds\":[\"/srv:/srv\"],"
                           "\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"PortBindings\":{}},\"Env\":[\"PATH=/bin\"");
  for (int i = 0; at < CREATE_BODY - 90; i++) at += sprintf(body + at, ",\"SETTING_%02d=value-number-%d-of-many\"", i, i);
  at += sprintf(body + at, "],\"Tty\":false,\"User\":\"");
  memset(pad, 'u', sizeof pad);
  sprintf(body + at, "%.*s\"}", CREATE_BODY - at - 2, pad);
  request->size = (size_t)sprintf(request->bytes,
                                  "POST /v1.41/containers/create HTTP/1.1\r\n" CLI_HEADERS
                                  "Content-Length: %d\r\nContent-Type: application/json\r\n\r\n%s",
                                  CREATE_BODY, body);
  request->status = 201;
  request->answer = 88;
}

static void make_get(struct request *request, const char *path, unsigned long long answer) {
  request->size = (size_t)sprintf(request->bytes, "GET /v1.41%s HTTP/1.1\r\n" CLI_HEADERS "\r\n", path);
  request->status = 200;
  request->answer = answer;
}

/* Another container each time: nothing a gateway remembers of the last call helps it here. */
static void make_inspect(struct request *request) {
  make_get(request, "/containers/e90e3465680600000000e90e34656806e90e34656806e90e34656806abcdabcd/json", 71);
  request->id_at = (size_t)(strstr(request->bytes, "00000000") - request->bytes);
}

static struct request make_request(const char *name) {
  struct request request = {.status = 200};
  if (strcmp(name, "create") == 0) make_create(&request);
  else if (strcmp(name, "inspect") == 0) make_inspect(&request);
  else if (strcmp(name, "list") == 0) make_get(&request, "/containers/json", 4096);
  else make_get(&request, "/info", 71);
  return request;
}

/* ---- latency ----------------------------------------------------------------------------------------- */

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

/* ---- calls ------------------------------------------------------------------------------------------- */

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

static int run_calls(void) {
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

/* ---- streams ----------------------------------------------------------------------------------------- */

static char block[BLOCK_CHUNKS * CHUNK_WIRE], buffer[256 * 1024];
static size_t buffered; /* reply bytes in `buffer` past the head */

/* Blocking sockets here, but never for ever. */
static int dial_blocking(int client) {
  int fd = dial(client);
  struct timeval limit = {.tv_sec = 30};
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return fd;
}

static bool send_all(int fd, const char *bytes, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t sent = send(fd, bytes + at, size - at, MSG_NOSIGNAL);
    if (sent <= 0) {
      fail("sending stopped: %s", strerror(errno));
      return false;
    }
    at += (size_t)sent;
  }
  return true;
}

/* Reads until the head is whole; what came with it moves to the front of `buffer`. */
static bool receive_head(int fd, struct head *head, int status) {
  size_t have = 0;
  do {
    ssize_t got = recv(fd, buffer + have, sizeof buffer - have, 0);
    if (got <= 0) {
      fail("no reply: %s", got < 0 ? strerror(errno) : "the connection ended");
      return false;
    }
    have += (size_t)got;
  } while (!read_head(buffer, have, head));
  buffered = have - head->size;
  if (head->status != status) fail("status %d instead of %d: %.*s", head->status, status, 100, buffer + head->size);
  memmove(buffer, buffer + head->size, buffered);
  return head->status == status;
}

static bool receive_body(int fd, struct body *body) {
  for (;;) {
    size_t used = feed(body, buffer, buffered);
    if (used < buffered) fail("%zu bytes after the reply's end", buffered - used);
    if (body->done) return !body->wrong && used == buffered;
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
      fail("the body stopped after %llu bytes: %s", body->got, got < 0 ? strerror(errno) : "end");
      return false;
    }
    buffered = (size_t)got;
  }
}

static bool expect_count(struct body *body, const char *format) {
  char wanted[64];
  size_t size = (size_t)sprintf(wanted, format, options.bytes);
  if (body->got == size && memcmp(buffer, wanted, size) == 0) return true;
  fail("the engine counted something else than %llu bytes: %.60s", options.bytes, buffer);
  return false;
}

static void stream_down(int fd, bool chunked) {
  char ask[256];
  struct head head;
  int size = sprintf(ask, "GET /v1.41/images/x/get?bytes=%llu%s HTTP/1.1\r\n" CLI_HEADERS "\r\n", options.bytes,
                     chunked ? "&chunked" : "");
  if (!send_all(fd, ask, (size_t)size) || !receive_head(fd, &head, 200)) return;
  struct body body = body_of(&head);
  if (receive_body(fd, &body) && body.got != options.bytes) fail("%llu bytes came", body.got);
}

static void stream_up(int fd, bool chunked) {
  char ask[256], length[64];
  struct head head;
  sprintf(length, "Content-Length: %llu", options.bytes);
  int size = sprintf(ask, "POST /v1.41/images/load HTTP/1.1\r\n" CLI_HEADERS "Content-Type: application/x-tar\r\n%s\r\n\r\n",
                     chunked ? "Transfer-Encoding: chunked" : length);
  if (!send_all(fd, ask, (size_t)size)) return;
  unsigned long long piece = BLOCK_CHUNKS * CHUNK_DATA;
  for (unsigned long long left = options.bytes; left > 0; left -= piece) {
    if (!send_all(fd, block, chunked ? sizeof block : piece)) return;
  }
  if (chunked && !send_all(fd, "0\r\n\r\n", 5)) return;
  if (!receive_head(fd, &head, 200)) return;
  struct body body = body_of(&head);
  if (receive_body(fd, &body)) expect_count(&body, "{\"bytes\":%llu}\n");
}

static void stream_hijack(int fd, bool up) {
  char ask[256];
  struct head head;
  int size = sprintf(ask, "POST /v1.41/containers/x/attach?%s=%llu HTTP/1.1\r\n" CLI_HEADERS
                          "Connection: Upgrade\r\nContent-Length: 0\r\nContent-Type: text/plain\r\nUpgrade: tcp\r\n\r\n",
                     up ? "up" : "down", options.bytes);
  if (!send_all(fd, ask, (size_t)size) || !receive_head(fd, &head, 101)) return;
  unsigned long long piece = BLOCK_CHUNKS * CHUNK_DATA;
  for (unsigned long long left = up ? options.bytes : 0; left > 0; left -= piece) {
    if (!send_all(fd, block, piece)) return;
  }
  /* The engine answers an upload through the tunnel with its count: it has then had every byte. */
  char count[32];
  struct body body = {.left = up ? (unsigned long long)sprintf(count, "%llu\n", options.bytes) : options.bytes};
  if (receive_body(fd, &body) && up) expect_count(&body, "%llu\n");
}

static int run_stream(const char *what) {
  int fd = dial_blocking(0);
  fill_chunks(block);
  if (options.bytes % (BLOCK_CHUNKS * CHUNK_DATA) != 0) fail("BYTES must be a multiple of %d", BLOCK_CHUNKS * CHUNK_DATA);
  uint64_t cpu = cpu_of(options.pid), began = now();
  if (failures.number > 0) fail("not begun");
  else if (strncmp(what, "down", 4) == 0) stream_down(fd, what[4] != 0);
  else if (strncmp(what, "up", 2) == 0) stream_up(fd, what[2] != 0);
  else if (strncmp(what, "hijack", 6) == 0) stream_hijack(fd, strcmp(what, "hijack-up") == 0);
  else fail("no such stream: %s", what);
  double seconds = (double)(now() - began) / 1e9;
  printf("{\"stream\":\"%s\",\"bytes\":%llu,\"seconds\":%.3f,\"gigabytesPerSecond\":%.3f,\"cpuSeconds\":%.3f,"
         "\"failures\":%llu,\"firstFailure\":\"%s\"}\n",
         what, options.bytes, seconds, (double)options.bytes / 1e9 / seconds, (double)(cpu_of(options.pid) - cpu) / 1e9,
         failures.number, failures.first);
  return failures.number > 0;
}

/* ---- idle streams ------------------------------------------------------------------------------------ */

static int run_idle(void) {
  const char ask[] = "GET /v1.41/events HTTP/1.1\r\n" CLI_HEADERS "\r\n";
  int streams = options.count ? (int)options.count : 1000;
  int *fds = calloc((size_t)streams, sizeof *fds);
  /* All are asked for before any is awaited: HAProxy lets a lone head wait 200 ms for more to send with it. */
  for (int i = 0; i < streams && failures.number == 0; i++) {
    fds[i] = dial_blocking(i);
    if (fds[i] >= 0) send_all(fds[i], ask, sizeof ask - 1);
  }
  for (int i = 0; i < streams && failures.number == 0; i++) {
    struct head head;
    receive_head(fds[i], &head, 200);
  }
  printf("{\"streams\":%d,\"failures\":%llu,\"firstFailure\":\"%s\"}\n", streams, failures.number, failures.first);
  fflush(stdout);
  struct pollfd input = {.fd = 0, .events = POLLIN};
  if (failures.number == 0) poll(&input, 1, (int)(options.seconds * 1000));
  return failures.number > 0;
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
