#include "python_operations.h"
#include "python_program.h"
#include "python_questions.h"
#include "python_web_resource.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string.h>
#include <system_error>

namespace modapi {

struct PythonProgram::Parts {
    int connection = -1;
    int output = -1;
    pid_t process = 0;
    bool reaped = false;
    int status = 0;
    std::filesystem::path directory;
};

PythonProgram::PythonProgram(const PythonSettings& settings) : parts_(std::make_unique<Parts>()) {
    char name[] = "/tmp/modapi-XXXXXX";
    parts_->directory = mkdtemp(name);
    int pair[2], out[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) throw std::system_error(errno, std::generic_category());
    if (pipe2(out, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    const std::string interpreter = settings.interpreter.string(), bridge = (settings.folder / "modapi_bridge").string();
    parts_->process = fork();
    if (parts_->process == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int theirs = dup(pair[1]);
        const int output = dup(out[1]);
        dup2(output, 1);
        dup2(output, 2);
        dup2(theirs, 3);
        close_range(4, ~0U, 0);
        const char* const arguments[] = {interpreter.c_str(), "-I", "-B", bridge.c_str(), "3", nullptr};
        const char* const environment[] = {"LANG=C.UTF-8", nullptr};
        execve(interpreter.c_str(), const_cast<char**>(arguments), const_cast<char**>(environment));
        _exit(127);
    }
    close(pair[1]);
    close(out[1]);
    parts_->connection = pair[0];
    parts_->output = out[0];
}
PythonProgram::~PythonProgram() {
    kill();
    close(parts_->connection);
    close(parts_->output);
    std::error_code ignored;
    std::filesystem::remove_all(parts_->directory, ignored);
}
int PythonProgram::connection() const noexcept { return parts_->connection; }
int PythonProgram::output() const noexcept { return parts_->output; }
pid_t PythonProgram::process() const noexcept { return parts_->process; }
const std::filesystem::path& PythonProgram::directory() const noexcept { return parts_->directory; }
std::uint64_t PythonProgram::memory() const noexcept {
    std::ifstream statm("/proc/" + std::to_string(parts_->process) + "/statm");
    std::uint64_t all = 0, resident = 0;
    statm >> all >> resident;
    return resident * 4096;
}
void PythonProgram::kill() noexcept {
    if (parts_->reaped) return;
    ::kill(-parts_->process, SIGKILL);
    ::kill(parts_->process, SIGKILL);
    waitpid(parts_->process, &parts_->status, 0);
    parts_->reaped = true;
}
std::optional<std::string> PythonProgram::end() {
    if (!parts_->reaped && waitpid(parts_->process, &parts_->status, WNOHANG) == parts_->process) parts_->reaped = true;
    if (!parts_->reaped) return std::nullopt;
    if (WIFSIGNALED(parts_->status))
        return "was ended by signal " + std::to_string(WTERMSIG(parts_->status)) + " (" + strsignal(WTERMSIG(parts_->status)) + ")";
    return "ended with status " + std::to_string(WEXITSTATUS(parts_->status));
}
std::vector<std::string> PythonProgram::missing_protections(const PythonSettings&) { return {}; }

struct PythonQuestions::State {};
PythonQuestions::PythonQuestions(const async::environment&, const std::filesystem::path&, QuestionSources) {}
PythonQuestions::~PythonQuestions() = default;
async::task<void> PythonQuestions::close() { co_return; }

PythonWebResource::PythonWebResource(std::function<std::optional<std::filesystem::path>()> directory)
    : directory_(std::move(directory)) {}
async::task<Response> PythonWebResource::handle(const Request&) {
    Response response;
    response.status = 503;
    co_return response;
}

async::task<callbacks::JsonValue> perform_operation(ModuleApi&, PythonCalls&, std::string member, callbacks::JsonDict) {
    throw std::runtime_error(member + " is a double");
    co_return nullptr;
}
bool belongs_to_call(std::string_view) noexcept { return true; }

}  // namespace modapi
