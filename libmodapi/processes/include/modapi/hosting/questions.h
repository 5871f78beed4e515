#pragma once

#include <modapi/hosting/process_identity.h>
#include <modapi/hosting/process_registry.h>
#include <modapi/hosting/shared_messages.h>

#include <callbacks/json.h>

#include <async/context.h>
#include <async/scope.h>
#include <async/task.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace modapi {

/// What the other processes said.
struct ProcessAnswers {
    /// One process and what it said.
    struct Answer {
        std::string process;  ///< its name
        callbacks::JsonDict content;
    };
    std::vector<Answer> answers;      ///< by name
    std::vector<std::string> silent;  ///< living processes that said nothing in time
};

/// Asks the other processes of a server what only they know, and answers them.
///
/// Thread: any, but for `answer`. Lifetime: registry and messages outlive it; the scope was joined before it is destroyed.
class Questions {
public:
    /// Gives the answer of this process. Called on the executor of the scope. What it throws is the answer `{"error": TEXT}`.
    using Answering = std::function<async::task<callbacks::JsonDict>(callbacks::JsonDict question)>;

    /// `own`: this process.
    Questions(SharedMessages& messages, ProcessRegistry& registry, ProcessIdentity own, async::scope& scope);

    /// How this process answers to a topic. Thread: the scope's, or before the messages begin; others that ask before get no answer.
    void answer(std::string topic, Answering answering);
    /// Asks all living processes but this one, and waits for their answers for at most `limit`; not for who dies meanwhile. Cost: a row
    /// for each question and answer, and while it waits a look at who lives every 3 s. Errors: DatabaseError; those of SharedMessages::send.
    [[nodiscard]] static async::task<ProcessAnswers> ask(Questions& self, std::string topic, callbacks::JsonDict question,
                                                         std::chrono::milliseconds limit);

private:
    struct Asked;

    void take_question(const SharedMessage& message);
    void take_answer(const SharedMessage& message);
    [[nodiscard]] static async::task<void> wait_for_answers(Questions& self, std::shared_ptr<Asked> asked, std::chrono::milliseconds limit);
    [[nodiscard]] static async::task<void> reply(Questions& self, Answering answering, std::string to, std::string number,
                                                 callbacks::JsonDict question);

    SharedMessages& messages_;
    ProcessRegistry& registry_;
    const ProcessIdentity own_;
    async::scope& scope_;
    std::map<std::string, Answering, std::less<>> answering_;
    std::mutex mutex_;
    std::uint64_t asked_ = 0;                               ///< under the mutex, as is the next
    std::map<std::string, std::shared_ptr<Asked>> waiting_;  ///< by their numbers
};

}  // namespace modapi
