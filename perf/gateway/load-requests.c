/* The requests the load generator can make, and what must be answered to each. */
#include "load.h"

#define CREATE_BODY 3072

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

struct request make_request(const char *name) {
  struct request request = {.status = 200};
  if (strcmp(name, "create") == 0) make_create(&request);
  else if (strcmp(name, "inspect") == 0) make_inspect(&request);
  else if (strcmp(name, "list") == 0) make_get(&request, "/containers/json", 4096);
  else make_get(&request, "/info", 71);
  return request;
}
