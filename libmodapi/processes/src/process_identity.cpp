#include <modapi/hosting/process_identity.h>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

#include <array>
#include <random>
#include <utility>

namespace modapi {

namespace {

std::string name_of_machine() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
    return name.data();
}

std::string drawn_instance() {
    std::random_device source;
    std::uniform_int_distribution<std::uint64_t> any;
    return fmt::format("{:016x}", any(source));
}

}  // namespace

ProcessIdentity ProcessIdentity::of_this_process(std::string name, std::string version, std::string modules) {
    ProcessIdentity own;
    own.name = std::move(name);
    own.instance = drawn_instance();
    own.version = std::move(version);
    own.modules = std::move(modules);
    own.host = name_of_machine();
    own.pid = getpid();
    return own;
}

}  // namespace modapi
