/*
 * A fake Docker engine that costs as little as an engine can: one thread, one epoll, answers made once.
 * What is measured in front of it is then the gateway and not the engine.
 *
 *   engine PATH            listens on the unix socket PATH until it is told to end
 *
 * It answers, with or without /v1.NN before the path:
 *   GET  /info                                     200, a small JSON with its length
 *   GET  /containers/<64 hex digits>/json          the same
 *   GET  /containers/json                          200, a list of 4 KiB, chunked (as dockerd sends over 2 KiB)
 *   POST /containers/create                        201, when the whole body has arrived
 *   GET  /images/x/get?bytes=N[&chunked]           200 and N bytes
 *   POST /images/load                              200 and {"bytes":N}, N counted
 *   POST /containers/x/attach?down=N | ?up=N       101; N bytes down, or N counted up and then "N\n"
 *   GET  /events                                   200 at once, and then nothing
 */
#include "http.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_LIMIT 16384
#define READ_SIZE (256 * 1024)
#define TURN_LIMIT (4 * 1024 * 1024) /* bytes one connection may move before the others get a turn */

struct text {
  char bytes[8192];
  size_t size;
};

struct conn {
  int fd;
  bool writing; /* EPOLLOUT is asked for */
  enum { HEAD, BODY, SENDING, TUNNEL, SILENT } state;
  enum { OTHER, CREATE, LOAD } route;
  bool close_after;
  char in[HEAD_LIMIT];
  size_t have;
  struct body body;
  const char *out; /* a small answer still to be written */
  size_t out_left;
  char own[256];          /* an answer of this connection's own */
  const char *block;      /* a big answer: this block over and over */
  size_t block_size, block_at;
  unsigned long long wire_left;
  const char *tail; /* and this at its end */
  unsigned long long up_left, up_total;
};

static int epoll;
static char scratch[READ_SIZE], plain[READ_SIZE], chunks[BLOCK_CHUNKS * CHUNK_WIRE];
static struct text info, list, created, events, missing;

static const char common[] = "Api-Version: 1.41\r\nContent-Type: application/json\r\nDocker-Experimental: false\r\n"
                             "Ostype: linux\r\nServer: Docker/20.10.24 (linux)\r\n"
                             "Date: Sat, 01 Nov 2025 12:00:00 GMT\r\n";

static void make_answer(struct text *text, const char *status, const char *content) {
  text->size = (size_t)snprintf(text->bytes, sizeof text->bytes, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
                                status, common, strlen(content), content);
}

static void make_list(void) {
  char content[4097] = "[", item[300];
  int at = 1;
  for (int i = 0; at < 4096 - 260; i++) {
    at += sprintf(content + at,
                  "%s{\"Id\":\"%064x\",\"Names\":[\"/web-%d\"],\"Image\":\"nginx:latest\",\"State\":\"running\","
                  "\"Status\":\"Up 2 hours\",\"Ports\":[],\"Labels\":{\"tier\":\"front\"}}",
                  i ? "," : "", i + 4096, i);
  }
  memset(item, ' ', sizeof item); /* spaces are JSON too: they make it exactly 4 KiB */
  sprintf(content + at, "%.*s]", 4096 - at - 1, item);
  list.size = (size_t)sprintf(list.bytes, "HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n1000\r\n%s\r\n0\r\n\r\n",
                              common, content);
}

static void make_answers(void) {
  make_answer(&info, "200 OK", "{\"ID\":\"FAKE\",\"Containers\":3,\"ContainersRunning\":3,\"Images\":7,\"NCPU\":2}\n");
  make_answer(&created, "201 Created",
              "{\"Id\":\"e90e34656806e90e34656806e90e34656806e90e34656806e90e34656806abcd\",\"Warnings\":[]}\n");
  make_answer(&missing, "404 Not Found", "{\"message\":\"page not found\"}\n");
  make_list();
  events.size = (size_t)sprintf(events.bytes, "HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n", common);
  memset(plain, 'g', sizeof plain);
  fill_chunks(chunks);
}

static void end(struct conn *conn) {
  close(conn->fd);
  free(conn);
}

static void want_writing(struct conn *conn, bool writing) {
  if (conn->writing == writing) return;
  conn->writing = writing;
  /* While a plain answer is being sent the next request can wait: not reading is back-pressure. */
  uint32_t reading = writing && conn->state != TUNNEL ? 0 : EPOLLIN;
  struct epoll_event event = {.events = reading | (writing ? EPOLLOUT : 0), .data.ptr = conn};
  epoll_ctl(epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

/* Writes what it can; false when the peer has gone. */
static bool write_some(struct conn *conn) {
  size_t moved = 0;
  while (conn->out_left > 0 || conn->wire_left > 0) {
    bool small = conn->out_left > 0;
    size_t want = conn->block_size - conn->block_at;
    if (want > conn->wire_left) want = (size_t)conn->wire_left;
    ssize_t sent = small ? send(conn->fd, conn->out, conn->out_left, MSG_DONTWAIT | MSG_NOSIGNAL)
                         : send(conn->fd, conn->block + conn->block_at, want, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (sent < 0) return false;
    if (small) {
      conn->out += sent;
      conn->out_left -= (size_t)sent;
    } else {
      conn->block_at = (conn->block_at + (size_t)sent) % conn->block_size;
      conn->wire_left -= (unsigned long long)sent;
      if (conn->wire_left == 0 && conn->tail != NULL) {
        conn->out = conn->tail;
        conn->out_left = strlen(conn->tail);
        conn->tail = NULL;
      }
    }
    if ((moved += (size_t)sent) > TURN_LIMIT) break;
  }
  return true;
}

static void answer(struct conn *conn, const char *bytes, size_t size) {
  conn->out = bytes;
  conn->out_left = size;
  conn->state = SENDING;
}

static unsigned long long query(const char *target, size_t size, const char *name) {
  const char *at = memmem(target, size, name, strlen(name));
  return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

static void answer_get(struct conn *conn, const char *target, size_t size) {
  unsigned long long bytes = query(target, size, "bytes=");
  bool chunked = memmem(target, size, "&chunked", 8) != NULL;
  char framing[64] = "Transfer-Encoding: chunked";
  if (!chunked) sprintf(framing, "Content-Length: %llu", bytes);
  answer(conn, conn->own,
         (size_t)sprintf(conn->own, "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\n%s\r\n\r\n", framing));
  conn->block = chunked ? chunks : plain;
  conn->block_size = chunked ? sizeof chunks : sizeof plain;
  conn->block_at = 0;
  /* Sizes asked for are whole chunks; the load generator sees to that. */
  conn->wire_left = chunked ? bytes / CHUNK_DATA * CHUNK_WIRE : bytes;
  conn->tail = chunked ? "0\r\n\r\n" : NULL;
}

static void answer_attach(struct conn *conn, const char *target, size_t size) {
  static const char upgraded[] = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                                 "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
  conn->up_left = conn->up_total = query(target, size, "up=");
  conn->block = plain;
  conn->block_size = sizeof plain;
  conn->block_at = 0;
  conn->wire_left = query(target, size, "down=");
  answer(conn, upgraded, sizeof upgraded - 1);
  conn->state = TUNNEL;
}

/* Is the path, after an optional /v1.NN, this one? */
static bool path_is(const char *target, size_t size, const char *path) {
  size_t length = strlen(path);
  return size >= length && memcmp(target, path, length) == 0 && (size == length || target[length] == '?');
}

static bool is_inspect(const char *target, size_t size) {
  return size == 81 && memcmp(target, "/containers/", 12) == 0 && memcmp(target + 76, "/json", 5) == 0;
}

static void dispatch(struct conn *conn, const char *target, size_t size) {
  if (size > 3 && target[1] == 'v') {
    const char *slash = memchr(target + 1, '/', size - 1);
    if (slash != NULL) {
      size -= (size_t)(slash - target);
      target = slash;
    }
  }
  conn->route = OTHER;
  if (path_is(target, size, "/info") || is_inspect(target, size)) answer(conn, info.bytes, info.size);
  else if (path_is(target, size, "/containers/json")) answer(conn, list.bytes, list.size);
  else if (path_is(target, size, "/containers/create")) conn->route = CREATE;
  else if (path_is(target, size, "/images/load")) conn->route = LOAD;
  else if (path_is(target, size, "/images/x/get")) answer_get(conn, target, size);
  else if (path_is(target, size, "/containers/x/attach")) answer_attach(conn, target, size);
  else if (path_is(target, size, "/events")) {
    answer(conn, events.bytes, events.size);
    conn->state = SILENT;
  } else answer(conn, missing.bytes, missing.size);
  if (conn->route != OTHER) conn->state = BODY;
}

static void answer_body(struct conn *conn) {
  if (conn->route == CREATE) return answer(conn, created.bytes, created.size);
  char content[64];
  int size = sprintf(content, "{\"bytes\":%llu}\n", conn->body.got);
  answer(conn, conn->own,
         (size_t)sprintf(conn->own, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                         size, content));
}

/* Takes one request head from the connection's buffer, if it is whole; -1 for nonsense. */
static int take_head(struct conn *conn) {
  struct head head;
  if (!read_head(conn->in, conn->have, &head)) return conn->have == sizeof conn->in ? -1 : 0;
  const char *target = memchr(conn->in, ' ', head.size);
  const char *after = target ? memchr(target + 1, ' ', head.size - (size_t)(target + 1 - conn->in)) : NULL;
  if (after == NULL) return -1;
  conn->close_after = head.close;
  conn->body = body_of(&head);
  dispatch(conn, target + 1, (size_t)(after - target - 1));
  conn->have -= head.size;
  memmove(conn->in, conn->in + head.size, conn->have);
  return 1;
}

/* Counts what came up the tunnel, and says the count once all of it is there. */
static void count_up(struct conn *conn, size_t size) {
  if (conn->up_left == 0) return;
  conn->up_left -= size < conn->up_left ? size : conn->up_left;
  if (conn->up_left == 0) {
    conn->out_left = (size_t)sprintf(conn->own, "%llu\n", conn->up_total);
    conn->out = conn->own;
  }
}

/* Goes on with everything the buffer and the socket allow; false when the connection is over. */
static bool advance(struct conn *conn) {
  for (;;) {
    if (conn->state == HEAD) {
      int took = conn->have > 0 ? take_head(conn) : 0;
      if (took < 0) return false;
      if (took == 0) break;
    }
    if (conn->state == BODY) {
      size_t used = feed(&conn->body, conn->in, conn->have);
      conn->have -= used;
      memmove(conn->in, conn->in + used, conn->have);
      if (!conn->body.done) break;
      if (conn->body.wrong) return false;
      answer_body(conn);
    }
    if (conn->state == TUNNEL && conn->have > 0) {
      count_up(conn, conn->have);
      conn->have = 0;
    }
    if (!write_some(conn)) return false;
    if (conn->out_left > 0 || conn->wire_left > 0) {
      want_writing(conn, true);
      return true;
    }
    if (conn->state != SENDING) break;
    if (conn->close_after) return false;
    conn->state = HEAD;
  }
  want_writing(conn, false);
  return true;
}

static bool readable(struct conn *conn) {
  /* Bodies and tunnels are only counted, so they need no buffer of their own. */
  bool bulk = (conn->state == BODY || conn->state == TUNNEL) && conn->have == 0;
  char *into = bulk ? scratch : conn->in + conn->have;
  size_t room = bulk ? sizeof scratch : sizeof conn->in - conn->have;
  ssize_t got = recv(conn->fd, into, room, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  if (conn->state == SILENT) return true;
  if (!bulk) {
    conn->have += (size_t)got;
    return advance(conn);
  }
  if (conn->state == TUNNEL) {
    count_up(conn, (size_t)got);
    return advance(conn);
  }
  size_t used = feed(&conn->body, scratch, (size_t)got);
  size_t over = (size_t)got - used;
  if (over > sizeof conn->in) return false;
  memcpy(conn->in, scratch + used, over);
  conn->have = over;
  return advance(conn);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct conn *conn = calloc(1, sizeof *conn);
    conn->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static int listen_on(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  unlink(path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
    perror(path);
    exit(1);
  }
  chmod(path, 0666); /* nginx's worker runs as another user */
  return listener;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: engine PATH\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* no engine is left behind when the benchmark is interrupted */
  make_answers();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  int listener = listen_on(argv[1]);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    struct epoll_event ready[256];
    int count = epoll_wait(epoll, ready, 256, -1);
    for (int i = 0; i < count; i++) {
      struct conn *conn = ready[i].data.ptr;
      if (conn == NULL) accept_all(listener);
      /* A hang-up while only writing arrives without EPOLLIN: readable() then sees the end. */
      else if (ready[i].events & EPOLLOUT ? !advance(conn) : !readable(conn)) end(conn);
    }
  }
}
