/* Where the load generator touches the system: connections to the gateway, and the gateway's CPU time. */
#include "load.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/un.h>

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
uint64_t cpu_of(int pid) {
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

uint64_t cpu_own(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

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

int dial(int client) {
  int fd = -1;
  if (strncmp(options.url, "unix://", 7) == 0) fd = dial_unix(options.url + 7);
  else if (strncmp(options.url, "tcp://", 6) == 0) fd = dial_tcp(options.url + 6, client);
  if (fd < 0) fail("cannot connect to %s: %s", options.url, strerror(errno));
  return fd;
}
