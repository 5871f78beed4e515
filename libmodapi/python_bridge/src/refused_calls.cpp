#include "owned_descriptor.h"
#include "python_sandbox.h"
#include "started_program.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>

namespace modapi {

namespace {

/// By name, as libseccomp knows them: some aren't there on every machine.
constexpr std::array refused_names = {
    // Other processes' memory, descriptors and registers.
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "process_mrelease",
    // Out of the process group, by which everything is ended.
    "setsid", "setpgid",
    // Another view of files, users, processes.
    "unshare", "setns", "chroot", "pivot_root", "mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at",
    // Around the filter, or into the kernel's rarer parts.
    "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key",
    "request_key", "fanotify_init", "lookup_dcookie", "modify_ldt", "personality", "vmsplice", "seccomp",
    // The machine.
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff",
    "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64",
    "adjtimex", "stime", "acct", "quotactl", "quotactl_fd", "syslog", "iopl", "ioperm", "vhangup", "nfsservctl", "uselib",
    "_sysctl", "sysfs", "ustat"};

constexpr std::array of_owners = {"chown",     "lchown",    "fchown",      "fchownat",     "setxattr",
                                  "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"};
constexpr std::array of_permissions = {"chmod", "fchmod", "fchmodat"};
constexpr int number_of_fchmodat2 = 452;  // on all machines; newer than this libseccomp

class Filter {
public:
    Filter() : context_(::seccomp_init(SCMP_ACT_ALLOW)) {
        if (context_ == nullptr) throw std::system_error(ENOMEM, std::generic_category(), "seccomp_init");
    }
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;
    ~Filter() { ::seccomp_release(context_); }

    void refuse(const char* name, int error = EPERM) {
        const int call = ::seccomp_syscall_resolve_name(name);
        if (call >= 0) check(::seccomp_rule_add(context_, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, 0), name);
    }
    void refuse_number(int call, const char* name) {
        check(::seccomp_rule_add(context_, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(EPERM)), call, 0), name);
    }
    void refuse(const char* name, const scmp_arg_cmp& where, int error = EPERM) {
        const int call = ::seccomp_syscall_resolve_name(name);
        if (call >= 0)
            check(::seccomp_rule_add_array(context_, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, 1, &where), name);
    }
    [[nodiscard]] std::vector<sock_filter> instructions() const {
        const OwnedDescriptor memory(::memfd_create("filter", MFD_CLOEXEC));
        const int file = memory.get();
        if (file < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
        check(::seccomp_export_bpf(context_, file), "seccomp_export_bpf");
        struct stat found {};
        if (::fstat(file, &found) != 0) throw std::system_error(errno, std::generic_category(), "fstat");
        std::vector<sock_filter> exported(static_cast<std::size_t>(found.st_size) / sizeof(sock_filter));
        if (::pread(file, exported.data(), static_cast<std::size_t>(found.st_size), 0) != found.st_size)
            throw std::system_error(EIO, std::generic_category(), "reading a filter of system calls");
        return exported;
    }

private:
    static void check(int result, const char* what) {
        if (result < 0)
            throw std::system_error(-result, std::generic_category(), std::string("a filter of system calls, at ") + what);
    }
    scmp_filter_ctx context_;
};

constexpr scmp_arg_cmp compared(unsigned argument, scmp_compare how, std::uint64_t mask_or_value, std::uint64_t value = 0) {
    return {argument, how, mask_or_value, value};
}

void refuse_namespaces(Filter& filter) {
    for (const std::uint64_t space :
         {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET})
        filter.refuse("clone", compared(0, SCMP_CMP_MASKED_EQ, space, space));
    // Its flags lie in memory, where no filter sees them; who is told that there is no such call uses clone.
    filter.refuse("clone3", ENOSYS);
}

std::vector<sock_filter> made_filter(const RefusedCalls& refused) {
    Filter filter;
    for (const char* const name : refused_names) filter.refuse(name);
    refuse_namespaces(filter);
    // Limits of others; and staying alive when the server has ended.
    filter.refuse("prlimit64", compared(0, SCMP_CMP_NE, 0));
    filter.refuse("prctl", compared(0, SCMP_CMP_EQ, PR_SET_PDEATHSIG));
    // Typing into a terminal that the server was started from.
    filter.refuse("ioctl", compared(1, SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI));
    if (refused.new_processes) {
        filter.refuse("fork", EAGAIN);
        filter.refuse("vfork", EAGAIN);
        filter.refuse("clone", compared(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0), EAGAIN);
    }
    if (refused.signals_to_others) {
        for (const char* const name : {"kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"})
            filter.refuse(name, compared(0, SCMP_CMP_NE, own_process_in_filter));
        filter.refuse("tkill");
        filter.refuse("pidfd_send_signal");
    }
    if (refused.permissions) {
        for (const char* const name : of_owners) filter.refuse(name);
        // Answered as if they were done: what only copies a file, or listens on a socket, needn't know that what it makes is
        // private in any case, by the mask that it starts with.
        for (const char* const name : of_permissions) filter.refuse(name, 0);
        filter.refuse_number(number_of_fchmodat2, "fchmodat2");
    }
    return filter.instructions();
}

}  // namespace

std::vector<sock_filter> filter_of(const RefusedCalls& refused) {
    const auto action = static_cast<std::uint32_t>(SECCOMP_RET_ERRNO);
    if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) != 0) return {};
    static std::mutex guard;
    static std::array<std::vector<sock_filter>, 8> made;
    const std::scoped_lock lock(guard);
    std::vector<sock_filter>& kept =
        made[(refused.new_processes ? 1U : 0U) + (refused.signals_to_others ? 2U : 0U) + (refused.permissions ? 4U : 0U)];
    if (kept.empty()) kept = made_filter(refused);
    return kept;
}

}  // namespace modapi
