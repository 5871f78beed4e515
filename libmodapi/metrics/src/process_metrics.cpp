#include <modapi/hosting/metrics.h>

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>

namespace modapi {

namespace {

std::string text_of(const char* file) {
    std::ifstream opened(file);
    return {std::istreambuf_iterator<char>(opened), std::istreambuf_iterator<char>()};
}

/// What Linux says of this process in /proc/self/stat, by the numbers that proc(5) gives its fields.
class ProcessStatus {
public:
    ProcessStatus() {
        const std::string line = text_of("/proc/self/stat");
        const std::size_t name_end = line.rfind(')');  // the name may have spaces and parentheses
        if (name_end == std::string::npos) return;
        std::istringstream rest(line.substr(name_end + 1));
        fields_.assign(std::istream_iterator<std::string>(rest), std::istream_iterator<std::string>());
    }
    [[nodiscard]] std::optional<double> field(std::size_t number) const {
        constexpr std::size_t first = 3;  // behind the name
        if (number - first >= fields_.size()) return std::nullopt;
        return std::stod(fields_[number - first]);
    }

private:
    std::vector<std::string> fields_;
};

/// When the machine began to run, in seconds since 1970.
std::optional<double> boot_time() {
    std::istringstream lines(text_of("/proc/stat"));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("btime ")) return std::stod(line.substr(6));
    }
    return std::nullopt;
}

std::optional<double> open_descriptors() {
    std::error_code error;
    double count = 0;
    for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end; entry.increment(error))
        ++count;
    if (error) return std::nullopt;
    return count - 1;  // the look itself
}

}  // namespace

void MetricFamilies::add_process() {
    constexpr std::size_t user_time = 14;
    constexpr std::size_t system_time = 15;
    constexpr std::size_t threads = 20;
    constexpr std::size_t start_time = 22;
    constexpr std::size_t virtual_size = 23;
    constexpr std::size_t resident_pages = 24;
    const auto ticks_in_a_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto page_size = static_cast<double>(::sysconf(_SC_PAGESIZE));
    const ProcessStatus status;
    const auto show = [](MetricFamily family, std::optional<double> value) {
        if (value) family.add({}, *value);
    };
    const std::optional<double> user = status.field(user_time);
    const std::optional<double> system = status.field(system_time);
    if (user && system) {
        counter("process_cpu_seconds_total", "Time of processors that this process took, in user and system mode.")
            .add({}, (*user + *system) / ticks_in_a_second);
    }
    if (const std::optional<double> pages = status.field(resident_pages))
        gauge("process_resident_memory_bytes", "Memory of this process that is not swapped out.").add({}, *pages * page_size);
    show(gauge("process_virtual_memory_bytes", "Address space of this process."), status.field(virtual_size));
    show(gauge("process_threads", "Threads of this process."), status.field(threads));
    const std::optional<double> booted = boot_time();
    const std::optional<double> started = status.field(start_time);
    if (booted && started) {
        gauge("process_start_time_seconds", "When this process began, in seconds since 1970.")
            .add({}, *booted + *started / ticks_in_a_second);
    }
    show(gauge("process_open_fds", "File descriptors of this process that are open."), open_descriptors());
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        gauge("process_max_fds", "File descriptors that this process may have open.").add({}, static_cast<double>(limit.rlim_cur));
}

}  // namespace modapi
