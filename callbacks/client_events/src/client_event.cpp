#include <callbacks/client_event.h>

#include "field_writer.h"
#include "response_items.h"

#include <callbacks/errors.h>
#include <callbacks/text.h>

#include <async/writer_dispatch.h>

#include <atomic>
#include <cstring>
#include <tuple>
#include <utility>

namespace callbacks {

namespace {

/// Numbers are never used twice, and 0 is none.
std::uint64_t next_number() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

void ClientEventText::begin_unsigned() {
    text_.append(R"("unsigned":{)");
    own_begin_ = text_.size();
}

void ClientEventText::end_before_number(FieldKey key) {
    number_name_ = key.hash();
    text_.string(key.text());
    text_.append(':');
}

ClientEvent::ClientEvent(Event event, const ClientEventText& text)
    : event_(std::move(event)),
      traits_(event_),
      number_(next_number()),
      text_(text.text_.view()),
      short_begin_(text.short_begin_),
      own_begin_(text.own_begin_),
      own_names_(text.own_names_),
      number_name_(text.number_name_) {
    if (!is_utf8(text_)) throw NotUtf8("the event " + event_.event_id().value_or("without id") + " isn't UTF-8");
}

struct ClientEvents::Batch {
    static void* operator new(std::size_t size) { return async::detail::allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { async::detail::free_frame(memory, size); }

    using Hook = decltype(UnsignedDispatch::add_field_to_unsigned_callback);

    Batch(ClientEvents& owner, const Hook& hook, std::span<const OutgoingEvent> events)
        : items(owner, events), walk(hook, items) {}

    Items items;
    Hook::batch<Items> walk;
};

ClientEvents::ClientEvents() : fields_(new_fields()) {}
ClientEvents::~ClientEvents() = default;

ClientEvents::Writing ClientEvents::write(const UnsignedDispatch& hooks, std::span<const OutgoingEvent> events,
                                          std::string_view after) {
    return Writing(*this, hooks, events, after);
}

bool ClientEvents::Writing::await_ready() const {
    owner_.begin();
    const auto& hook = hooks_.add_field_to_unsigned_callback;
    if (hook.empty()) {
        owner_.write_without_modules(events_);
        return true;
    }
    if (hook.remembered() != nullptr) [[unlikely]]
        return owner_.begin_remembered(hooks_, events_, *here_);
    owner_.batch_ = std::make_unique<Batch>(owner_, hook, events_);
    owner_.batch_->walk.bind_context(*here_);
    return owner_.batch_->walk.await_ready();
}

void ClientEvents::Writing::await_suspend(std::coroutine_handle<> waiting) const noexcept {
    if (owner_.rest_) return owner_.rest_->waiting.await_suspend(waiting);
    owner_.batch_->walk.await_suspend(waiting);
}

std::string_view ClientEvents::Writing::await_resume() const {
    if (owner_.batch_ != nullptr) {
        const std::unique_ptr<Batch> ended = std::move(owner_.batch_);
        ended->walk.await_resume();
    } else if (owner_.rest_) {
        async::task<void> ended = std::move(owner_.rest_->run);
        owner_.rest_.reset();
        async::detail::driven_task<void>::take(ended);
    }
    owner_.text_.append(after_);
    if (owner_.set_aside_.empty()) [[likely]]
        return owner_.text_.view();
    return owner_.finished();
}

std::unique_ptr<UnsignedWriter> ClientEvents::new_fields() {
    return std::unique_ptr<UnsignedWriter>(new UnsignedWriter(JsonMemory(&arena_)));
}

inline void ClientEvents::begin() {
    text_.cut(0);
    arena_.rewind();
    if (set_aside_.empty()) [[likely]]
        return;
    for (std::unique_ptr<SetAside>& each : set_aside_) spare_.push_back(std::move(each));
    set_aside_.clear();
}

void ClientEvents::write_without_modules(std::span<const OutgoingEvent> events) {
    TextEnd end(text_);
    for (const OutgoingEvent& outgoing : events) {
        if (outgoing.own_string) [[unlikely]] {
            end.commit();
            open(outgoing);
            close();
            end.read();
            continue;
        }
        char* const at = JsonBuffer::put_number(Items::put_opening(end.reserve(Items::room_for(outgoing)), outgoing),
                                                outgoing.number);
        at[0] = '}';
        at[1] = '}';
        end.move_to(at + 2);
    }
    end.commit();
}

ClientEvents::SetAside& ClientEvents::set_aside() {
    std::unique_ptr<SetAside> aside;
    if (spare_.empty()) {
        aside = std::make_unique<SetAside>();
        aside->fields = new_fields();
    } else {
        aside = std::move(spare_.back());
        spare_.pop_back();
    }
    // The writer goes with its event, since the callback refers to it; the batch goes on with the spare one.
    std::swap(aside->fields, fields_);
    aside->text.cut(0);
    aside->fields->writer_->move_to(aside->text);
    aside->place = text_.size();
    text_.append('}');  // the event's own; its `unsigned` is put in front of it
    set_aside_.push_back(std::move(aside));
    return *set_aside_.back();
}

std::string_view ClientEvents::finished() {
    assembled_.cut(0);
    const std::string_view whole = text_.view();
    std::size_t from = 0;
    for (const std::unique_ptr<SetAside>& aside : set_aside_) {
        assembled_.append(whole.substr(from, aside->place - from));
        assembled_.append(aside->text.view());
        from = aside->place;
    }
    assembled_.append(whole.substr(from));
    return assembled_.view();
}

}  // namespace callbacks
