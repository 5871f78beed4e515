#include "python_questions.h"
#include "python_web_resource.h"

#include <modapi/web_resource.h>

namespace modapi {

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

}  // namespace modapi
