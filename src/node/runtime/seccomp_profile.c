/* Owns the table of permitted system calls and its compiling. The facts are those of Docker's default profile (its
 * documentation, "Seccomp security profiles for Docker", and the moby project's profile, version 27, where io_uring is
 * no longer permitted).
 *
 * Refused calls answer EPERM. Calls younger than the profile answer ENOSYS, so that a C library that tries them takes
 * its older way: libseccomp cannot compare ranges, so a few instructions before its program do it. */
#include "node/runtime/seccomp_profile.h"

#include "base/str.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BIT(number) (UINT64_C(1) << (number))

enum { LAST_KNOWN_CALL = 462 /* mseal */ };

#if defined(__x86_64__)
#define NATIVE_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "seccomp_profile.c: give this architecture's AUDIT_ARCH and its compatible ones in add_architectures"
#endif

/* Space-separated names, permitted to every container. Names that another architecture has alone are passed over. */
static const char *const permitted =
    "accept accept4 access adjtimex alarm arch_prctl bind brk cacheflush capget capset chdir chmod chown "
    "chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create "
    "epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve "
    "execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod "
    "fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr "
    "fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_time64 "
    "futex_waitv futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 "
    "getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp "
    "getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid "
    "getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 "
    "inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl "
    "ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 "
    "lgetxattr link linkat listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise "
    "membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall "
    "mmap mmap2 modify_ldt mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 "
    "mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall "
    "munmap name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal "
    "pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 "
    "process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 "
    "read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages "
    "removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask "
    "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
    "sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
    "sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile "
    "sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32 "
    "setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 "
    "setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 "
    "setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall "
    "socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range sync_file_range2 "
    "syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 "
    "times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat utimensat_time64 utimes "
    "vfork vmsplice wait4 waitid waitpid write writev";

/* Permitted as well, by number, which is the same on all architectures: the libseccomp of Debian 12 does not know the
 * names cachestat, fchmodat2, map_shadow_stack, futex_wake, futex_wait, futex_requeue and mseal. */
static const uint16_t permitted_young[] = {451, 452, 453, 454, 455, 456, 462};

/* Permitted only together with a capability, without which most of them would be refused anyway. */
static const struct {
    int capability;
    const char *names;
} permitted_with[] = {
    {CAP_DAC_READ_SEARCH, "open_by_handle_at"},
    {CAP_SYS_ADMIN, "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
                    "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog "
                    "umount umount2 unshare"},
    {CAP_SYS_BOOT, "reboot"},
    {CAP_SYS_CHROOT, "chroot"},
    {CAP_SYS_MODULE, "delete_module finit_module init_module"},
    {CAP_SYS_PACCT, "acct"},
    {CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
    {CAP_SYS_RAWIO, "ioperm iopl"},
    {CAP_SYS_TIME, "clock_settime clock_settime64 settimeofday stime"},
    {CAP_SYS_TTY_CONFIG, "vhangup"},
    {CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {CAP_SYSLOG, "syslog"},
    {CAP_BPF, "bpf"},
    {CAP_PERFMON, "perf_event_open"},
};

static const uint64_t personalities[] = {0x0, 0x0008, 0x20000, 0x20008, 0xffffffff};

static const uint64_t NAMESPACE_FLAGS =
    CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;

uint64_t seccomp_profile_capabilities(uint64_t capabilities)
{
    uint64_t part = 0;

    for (size_t i = 0; i < COUNT_OF(permitted_with); i++)
        part |= capabilities & BIT(permitted_with[i].capability);
    return part;
}

static bool permit(scmp_filter_ctx filter, const char *names, struct fail *f)
{
    struct str rest = str_of(names);

    while (rest.ptr != NULL) {
        struct str word = str_cut(rest, ' ', &rest);
        char name[48];
        int number;
        int error;

        if (!str_to_buffer(word, name, sizeof(name)))
            return fail(f, FAIL_SYSTEM, "system call name \"%.*s\" is too long", STR_ARG(word));
        number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR)
            continue; /* younger than the library */
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        if (error != 0 && error != -EDOM)
            return fail(f, FAIL_SYSTEM, "permit system call %s: %s", name, strerror(-error));
    }
    return true;
}

/* Calls permitted by their arguments. A clone that makes namespaces is refused; clone3 hides its flags in memory, where
 * a filter cannot look, so C libraries are sent back to clone. */
static bool permit_by_argument(scmp_filter_ctx filter, uint64_t capabilities, struct fail *f)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_VSOCK, 0));

    for (size_t i = 0; i < COUNT_OF(personalities) && error == 0; i++)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
                                 SCMP_A0(SCMP_CMP_EQ, personalities[i], 0));
    if (error == 0 && (capabilities & BIT(CAP_SYS_ADMIN)) == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACE_FLAGS, 0));
        if (error == 0)
            error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    return error == 0 || fail(f, FAIL_SYSTEM, "permit system calls by argument: %s", strerror(-error));
}

static bool add_architectures(scmp_filter_ctx filter, struct fail *f)
{
#if defined(__x86_64__)
    static const uint32_t compatible[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
#else
    static const uint32_t compatible[] = {SCMP_ARCH_ARM};
#endif

    for (size_t i = 0; i < COUNT_OF(compatible); i++) {
        int error = seccomp_arch_add(filter, compatible[i]);

        if (error != 0 && error != -EEXIST)
            return fail(f, FAIL_SYSTEM, "add an architecture to the seccomp filter: %s", strerror(-error));
    }
    return true;
}

/* What goes before libseccomp's program, for our own architecture:
 *     load the number; a young call that is permitted: ALLOW; a younger one: ENOSYS (x32's have bit 30 set: not they)
 * Jumps count the instructions they pass over. */
enum {
    YOUNG = COUNT_OF(permitted_young),
    PROLOGUE_LEN = 3 + YOUNG + 4,
};

static void write_prologue(struct sock_filter *filters)
{
    const struct sock_filter head[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_AUDIT_ARCH, 0, PROLOGUE_LEN - 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    const struct sock_filter tail[] = {
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST_KNOWN_CALL, 0, 3),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 1U << 30, 2, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    _Static_assert(COUNT_OF(head) + YOUNG + COUNT_OF(tail) == PROLOGUE_LEN, "room for the prologue");
    memcpy(filters, head, sizeof(head));
    for (size_t i = 0; i < YOUNG; i++) /* to the last instruction of the tail */
        filters[COUNT_OF(head) + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, permitted_young[i],
                                                                   (uint8_t)(YOUNG - 1 - i + COUNT_OF(tail) - 1), 0);
    memcpy(filters + COUNT_OF(head) + YOUNG, tail, sizeof(tail));
}

static bool export_program(scmp_filter_ctx filter, struct seccomp_program *ret_program, struct fail *f)
{
    auto_fd fd = memfd_create("seccomp", MFD_CLOEXEC);
    auto_free struct sock_filter *filters = NULL;
    const size_t prologue = PROLOGUE_LEN;
    struct stat st;
    int error;

    if (fd < 0)
        return fail(f, FAIL_SYSTEM, "memfd_create: %s", strerror(errno));
    error = seccomp_export_bpf(filter, fd);
    if (error != 0)
        return fail(f, FAIL_SYSTEM, "compile the seccomp filter: %s", strerror(-error));
    if (fstat(fd, &st) != 0)
        return fail(f, FAIL_SYSTEM, "fstat: %s", strerror(errno));
    filters = malloc((size_t)st.st_size + prologue * sizeof(*filters));
    if (filters == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    if (pread(fd, filters + prologue, (size_t)st.st_size, 0) != st.st_size)
        return fail(f, FAIL_SYSTEM, "read the compiled seccomp filter: %s", strerror(errno));
    write_prologue(filters);
    ret_program->count = prologue + (size_t)st.st_size / sizeof(*filters);
    ret_program->filters = take_ptr(&filters);
    return true;
}

static bool fill_filter(scmp_filter_ctx filter, uint64_t capabilities, struct fail *f)
{
    if (!add_architectures(filter, f) || !permit(filter, permitted, f) || !permit_by_argument(filter, capabilities, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(permitted_with); i++)
        if ((capabilities & BIT(permitted_with[i].capability)) != 0 && !permit(filter, permitted_with[i].names, f))
            return false;
    return true;
}

bool seccomp_profile_compile(uint64_t capabilities, struct seccomp_program *ret_program, struct fail *f)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool done;

    if (filter == NULL)
        return fail(f, FAIL_SYSTEM, "seccomp_init: out of memory");
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree instead of a list, where it is known */
    done = fill_filter(filter, capabilities, f) && export_program(filter, ret_program, f);
    seccomp_release(filter);
    return done;
}

void seccomp_program_free(struct seccomp_program *program)
{
    free(program->filters);
    *program = (struct seccomp_program){0};
}
