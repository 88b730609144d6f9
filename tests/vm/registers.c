/* Lets User-mode Linux of Debian 12 run on processors whose vector registers it does not know.

   It hands the kernel the registers of a process in a block of the size that was usual when it was
   built; processors with AMX have a larger one, and the kernel takes nothing but the whole. Here the
   whole is read, and what User-mode Linux knows of it is put in. Loaded by LD_PRELOAD. */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char whole[65536];

static long real(long request, pid_t pid, void *address, void *data) {
  return syscall(SYS_ptrace, request, pid, address, data);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list rest;
  va_start(rest, request);
  pid_t pid = va_arg(rest, pid_t);
  void *address = va_arg(rest, void *), *data = va_arg(rest, void *);
  va_end(rest);
  if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) {
    struct iovec *known = data, all = {whole, sizeof whole};
    long failed = real(PTRACE_GETREGSET, pid, address, &all);
    if (failed) return failed;
    memcpy(whole, known->iov_base, known->iov_len < all.iov_len ? known->iov_len : all.iov_len);
    return real(request, pid, address, &all);
  }
  if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSER) {
    long word = 0;
    return real(request, pid, address, &word) ? -1 : word;
  }
  return real(request, pid, address, data);
}
