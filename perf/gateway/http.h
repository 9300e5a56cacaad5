/*
 * What the fake engine and the load generator share: just enough HTTP/1.1 (RFC 9112) to be exact about
 * where a message ends, so that a byte too few or too many is a failure and never a faster result.
 */
#ifndef GANTRY_PERF_HTTP_H
#define GANTRY_PERF_HTTP_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Docker's daemon and CLI copy with Go's io.Copy, whose buffer of 32 KiB becomes the chunk size. */
#define CHUNK_DATA 32768
#define CHUNK_WIRE (CHUNK_DATA + 8) /* "8000\r\n" before, "\r\n" after */
#define BLOCK_CHUNKS 8

/* A message head: where it ends and what follows. */
struct head {
  size_t size;      /* bytes up to and including the empty line */
  int status;       /* of a reply; 0 for a request */
  long long length; /* Content-Length, or -1 */
  bool chunked;
  bool close; /* the sender will close after this message */
};

/* A body being received: feed it bytes until `done`. */
struct body {
  bool done, chunked;
  unsigned long long got;  /* payload bytes so far */
  unsigned long long left; /* payload bytes to come, of the body or of the present chunk */
  enum { CHUNK_SIZE, CHUNK_BYTES, CHUNK_END, TRAILER } at;
  int line;   /* characters of the present size or trailer line */
  bool wrong; /* the framing was broken */
};

static inline bool field_is(const char *line, size_t size, const char *name, size_t name_size) {
  return size > name_size && line[name_size] == ':' && strncasecmp(line, name, name_size) == 0;
}

static inline void read_field(const char *line, size_t size, struct head *head) {
  /* Only three names matter; one look at the first letter skips nearly all the others. */
  char first = line[0] | 32;
  if (first == 'c') {
    if (field_is(line, size, "content-length", 14)) head->length = strtoll(line + 15, NULL, 10);
    else if (field_is(line, size, "connection", 10)) head->close = memmem(line, size, "close", 5) != NULL;
  } else if (first == 't' && field_is(line, size, "transfer-encoding", 17)) {
    head->chunked = true;
  }
}

/* Reads a head from the start of the bytes; false while it is not complete. */
static inline bool read_head(const char *bytes, size_t size, struct head *head) {
  const char *end = memmem(bytes, size, "\r\n\r\n", 4);
  if (end == NULL) return false;
  *head = (struct head){.size = (size_t)(end - bytes) + 4, .length = -1};
  if (size > 12 && memcmp(bytes, "HTTP/1.", 7) == 0) head->status = atoi(bytes + 9);
  const char *line = memchr(bytes, '\n', head->size);
  for (line++; line < end; line++) {
    const char *next = memchr(line, '\n', (size_t)(end + 2 - line));
    if (next == NULL) break;
    read_field(line, (size_t)(next - line), head);
    line = next;
  }
  return true;
}

static inline struct body body_of(const struct head *head) {
  struct body body = {.chunked = head->chunked};
  if (!head->chunked) {
    body.left = head->length > 0 ? (unsigned long long)head->length : 0;
    body.done = body.left == 0;
  }
  return body;
}

static inline void read_size_digit(struct body *body, char c) {
  if (c == '\n') {
    body->at = body->left > 0 ? CHUNK_BYTES : TRAILER;
    if (body->line == 0) body->wrong = body->done = true;
    body->line = 0;
    return;
  }
  if (c == '\r') return;
  int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
  if (digit < 0) body->wrong = body->done = true;
  body->left = body->left * 16 + (unsigned)digit;
  body->line++;
}

/* Takes what belongs to the body; answers how many of the bytes that were. */
static inline size_t feed(struct body *body, const char *bytes, size_t size) {
  size_t used = 0;
  while (used < size && !body->done) {
    if (!body->chunked || body->at == CHUNK_BYTES) {
      size_t take = size - used < body->left ? size - used : (size_t)body->left;
      body->got += take;
      body->left -= take;
      used += take;
      if (body->left == 0 && !body->chunked) body->done = true;
      else if (body->left == 0) body->at = CHUNK_END;
      continue;
    }
    char c = bytes[used++];
    if (body->at == CHUNK_SIZE) read_size_digit(body, c);
    else if (body->at == CHUNK_END) {
      if (c == '\n') body->at = CHUNK_SIZE;
      else if (c != '\r') body->wrong = body->done = true;
    } else if (c == '\n') {
      if (body->line == 0) body->done = true;
      body->line = 0;
    } else if (c != '\r') body->line++;
  }
  return used;
}

/* Fills a block of `BLOCK_CHUNKS` chunks, ready to be written again and again. */
static inline void fill_chunks(char block[BLOCK_CHUNKS * CHUNK_WIRE]) {
  for (int i = 0; i < BLOCK_CHUNKS; i++) {
    char *chunk = block + i * CHUNK_WIRE;
    memcpy(chunk, "8000\r\n", 6);
    memset(chunk + 6, 'g', CHUNK_DATA);
    memcpy(chunk + 6 + CHUNK_DATA, "\r\n", 2);
  }
}

#endif
