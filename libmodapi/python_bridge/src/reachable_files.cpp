#include "python_sandbox.h"

#include "owned_descriptor.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace modapi {

namespace {

// What newer kernels know than the headers of the distribution. The numbers are the kernel's for ever.
constexpr std::uint64_t access_refer = 1ULL << 13U;        // version 2
constexpr std::uint64_t access_truncate = 1ULL << 14U;     // version 3
constexpr std::uint64_t access_device = 1ULL << 15U;       // version 5
constexpr std::uint64_t scope_unnamed_sockets = 1U << 0U;  // version 6
constexpr std::uint64_t scope_signals = 1U << 1U;

/// landlock_ruleset_attr of version 6.
struct RulesetAttributes {
    std::uint64_t files = 0;
    std::uint64_t network = 0;
    std::uint64_t scopes = 0;
};

constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t writing = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                  LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                  LANDLOCK_ACCESS_FS_MAKE_SYM | access_refer | access_truncate;
constexpr std::uint64_t of_files =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate | access_device;

/// All that this kernel can refuse.
std::uint64_t handled_by(int version) noexcept {
    std::uint64_t all = (1ULL << 13U) - 1;
    if (version >= 2) all |= access_refer;
    if (version >= 3) all |= access_truncate;
    if (version >= 5) all |= access_device;
    return all;
}

void allow(int ruleset, const std::filesystem::path& path, std::uint64_t access) {
    const OwnedDescriptor file(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat found {};
    if (file.get() < 0 || ::fstat(file.get(), &found) != 0) return;
    if (!S_ISDIR(found.st_mode)) access &= of_files;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = access;
    rule.parent_fd = file.get();
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0)
        throw std::system_error(errno, std::generic_category(), "restricting files (Landlock) at " + path.string());
}

}  // namespace

int landlock_version() noexcept {
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : static_cast<int>(version);
}

int ruleset_of(const ReachableFiles& files) {
    const int version = landlock_version();
    if (version == 0) return -1;
    RulesetAttributes attributes;
    attributes.files = handled_by(version);
    std::size_t size = offsetof(RulesetAttributes, network);
    if (version >= landlock_with_scopes) {
        attributes.scopes = scope_unnamed_sockets | scope_signals;
        size = sizeof attributes;
    }
    OwnedDescriptor ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0U)));
    if (ruleset.get() < 0) throw std::system_error(errno, std::generic_category(), "restricting files (Landlock)");
    for (const std::filesystem::path& path : files.readable) allow(ruleset.get(), path, reading & attributes.files);
    for (const std::filesystem::path& path : files.writable) allow(ruleset.get(), path, writing & attributes.files);
    allow(ruleset.get(), "/dev/null",
          (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate) & attributes.files);
    return ruleset.release();
}

std::vector<std::filesystem::path> files_of_interpreter(const std::filesystem::path& interpreter) {
    std::vector<std::filesystem::path> files = {
        "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin",
        // Libraries, names, certificates, locale. No keys: those are in /etc/ssl/private.
        "/etc/alternatives", "/etc/ca-certificates", "/etc/gai.conf", "/etc/group", "/etc/host.conf", "/etc/hosts",
        "/etc/krb5.conf", "/etc/krb5.conf.d", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/locale.alias",
        "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/passwd", "/etc/pki/tls/certs", "/etc/pki/ca-trust",
        "/etc/protocols", "/etc/python3", "/etc/python3.11", "/etc/resolv.conf", "/etc/services", "/etc/ssl/certs",
        "/etc/ssl/openssl.cnf", "/etc/timezone", "/run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/resolv.conf",
        "/run/resolvconf/resolv.conf",
        // What the machine is; nothing of what runs on it.
        "/dev/random", "/dev/urandom", "/dev/zero", "/sys/devices/system/cpu"};
    std::error_code unknown;
    const std::filesystem::path real = std::filesystem::canonical(interpreter, unknown);
    for (const std::filesystem::path& program : {interpreter, real}) {
        // prefix/bin/python3, and its libraries in prefix/lib.
        const std::filesystem::path prefix = program.parent_path().parent_path();
        if (!unknown && prefix.has_relative_path()) files.push_back(prefix);
    }
    return files;
}

}  // namespace modapi
