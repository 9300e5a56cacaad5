/* One long stream at a time, or many idle ones: blocking sockets with a time limit. */
#include "load.h"
#include <poll.h>
#include <sys/time.h>

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

int run_stream(const char *what) {
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

int run_idle(void) {
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
