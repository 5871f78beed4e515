#include <modapi/hosting/log.h>
#include <modapi/hosting/questions.h>

#include <callbacks/errors.h>
#include <callbacks/text.h>

#include <async/notification.h>
#include <async/sleep.h>

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonDict;

constexpr std::string_view topic_of_questions = "questions";
constexpr std::string_view topic_of_answers = "answers";

/// How long a process that says nothing is waited for before it is looked whether it lives.
constexpr std::chrono::milliseconds between_looks{3000};

/// As it can be written into a database: modules' texts may be anything.
std::string text_of_envelope(const JsonDict& envelope) { return callbacks::repaired_utf8(boost::json::serialize(envelope)); }

std::string text_of(const JsonDict& envelope, std::string_view key) { return std::string(envelope.at(key).as_string()); }

/// Null, and a line of the log, for what can't be read.
template <class Read>
void read_envelope(const SharedMessage& message, const Read& read) {
    try {
        boost::json::parse_options options;
        options.max_depth = 128;
        boost::json::value envelope = boost::json::parse(message.text, {}, options);
        read(envelope.as_object());
    } catch (const std::exception& failure) {
        framework_log().error("what another process wrote under {} can't be read: {}", message.topic, failure.what());
    }
}

}  // namespace

/// A question that was asked. All but `home` belongs to that executor's thread.
struct Questions::Asked {
    boost::asio::any_io_executor home;
    std::map<std::string, JsonDict> answers;  ///< by the instances that gave them
    std::set<std::string> missing;            ///< instances
    async::notification came;

    [[nodiscard]] static async::task<void> until_all_came(std::shared_ptr<Asked> asked) {
        while (!asked->missing.empty()) co_await asked->came.wait();
    }
    /// Who has died doesn't answer any more.
    void expect_only(const std::vector<LivingProcess>& living) {
        std::erase_if(missing, [&](const std::string& instance) {
            return std::none_of(living.begin(), living.end(),
                                [&](const LivingProcess& process) { return process.instance == instance; });
        });
    }
};

Questions::Questions(SharedMessages& messages, ProcessRegistry& registry, ProcessIdentity own, async::scope& scope)
    : messages_(messages), registry_(registry), own_(std::move(own)), scope_(scope) {
    messages_.listen(std::string(topic_of_questions), [this](const SharedMessage& message) { take_question(message); });
    messages_.listen(std::string(topic_of_answers), [this](const SharedMessage& message) { take_answer(message); });
}

void Questions::answer(std::string topic, Answering answering) {
    answering_.insert_or_assign(std::move(topic), std::move(answering));
}

void Questions::take_question(const SharedMessage& message) {
    read_envelope(message, [&](JsonDict& envelope) {
        const auto known = answering_.find(text_of(envelope, "topic"));
        if (known == answering_.end()) return;
        scope_.spawn("answering another process", reply(*this, known->second, message.sender, text_of(envelope, "number"),
                                                        std::move(envelope.at("question").as_object())));
    });
}

async::task<void> Questions::reply(Questions& self, Answering answering, std::string to, std::string number, JsonDict question) {
    JsonDict envelope;
    envelope["to"] = to;
    envelope["number"] = number;
    std::exception_ptr failure;
    try {
        async::task<JsonDict> answered = answering(std::move(question));
        envelope["answer"] = co_await std::move(answered);
    } catch (const std::exception&) {
        failure = std::current_exception();
    }
    if (failure) {
        JsonDict error;
        error["error"] = callbacks::message_of(failure);
        envelope["answer"] = std::move(error);
    }
    std::string text = text_of_envelope(envelope);
    async::task<void> sending = SharedMessages::send(self.messages_, std::string(topic_of_answers), std::move(text));
    co_await std::move(sending);
}

void Questions::take_answer(const SharedMessage& message) {
    read_envelope(message, [&](JsonDict& envelope) {
        if (text_of(envelope, "to") != own_.instance) return;
        std::shared_ptr<Asked> asked;
        {
            const std::scoped_lock lock(mutex_);
            const auto waiting = waiting_.find(text_of(envelope, "number"));
            if (waiting == waiting_.end()) return;  // it came too late
            asked = waiting->second;
            // Under the lock: who asked hasn't gone while the number is known, and so its executor is there.
            boost::asio::post(asked->home, [asked, from = message.sender, answer = std::move(envelope.at("answer").as_object())]() mutable {
                asked->answers.insert_or_assign(from, std::move(answer));
                asked->missing.erase(from);
                asked->came.notify_all();
            });
        }
    });
}

async::task<void> Questions::wait_for_answers(Questions& self, std::shared_ptr<Asked> asked, std::chrono::milliseconds limit) {
    const async::context& here = co_await async::this_context;
    const async::clock::time_point end = here.clock().now() + limit;
    while (!asked->missing.empty() && here.clock().now() < end) {
        const async::clock::duration patience = std::min<async::clock::duration>(end - here.clock().now(), between_looks);
        try {
            async::task<void> waiting = async::with_deadline(patience, Asked::until_all_came(asked));
            co_await std::move(waiting);
        } catch (const async::deadline_exceeded&) {
            here.throw_if_cancelled();
        }
        if (asked->missing.empty() || here.clock().now() >= end) break;
        async::task<std::vector<LivingProcess>> looking = self.registry_.living();
        const std::vector<LivingProcess> living = co_await std::move(looking);
        asked->expect_only(living);
    }
}

async::task<ProcessAnswers> Questions::ask(Questions& self, std::string topic, JsonDict question, std::chrono::milliseconds limit) {
    const async::context& here = co_await async::this_context;
    ProcessAnswers all;
    async::task<std::vector<LivingProcess>> looking = self.registry_.living();
    std::vector<LivingProcess> others = co_await std::move(looking);
    std::erase_if(others, [&](const LivingProcess& process) { return process.instance == self.own_.instance; });
    if (others.empty()) co_return all;
    const auto asked = std::make_shared<Asked>();
    asked->home = here.executor();
    for (const LivingProcess& process : others) asked->missing.insert(process.instance);
    std::string number;
    {
        const std::scoped_lock lock(self.mutex_);
        number = std::to_string(++self.asked_);
        self.waiting_.emplace(number, asked);
    }
    JsonDict envelope;
    envelope["topic"] = topic;
    envelope["number"] = number;
    envelope["question"] = std::move(question);
    std::string text = text_of_envelope(envelope);
    std::exception_ptr failure;
    try {
        async::task<void> sending = SharedMessages::send(self.messages_, std::string(topic_of_questions), std::move(text));
        co_await std::move(sending);
        async::task<void> waiting = wait_for_answers(self, asked, limit);
        co_await std::move(waiting);
    } catch (...) {
        failure = std::current_exception();
    }
    {
        const std::scoped_lock lock(self.mutex_);
        self.waiting_.erase(number);
    }
    if (failure) std::rethrow_exception(failure);
    for (const LivingProcess& process : others) {
        const auto answer = asked->answers.find(process.instance);
        if (answer == asked->answers.end()) {
            all.silent.push_back(process.name);
        } else {
            all.answers.push_back({process.name, std::move(answer->second)});
        }
    }
    co_return all;
}

}  // namespace modapi
