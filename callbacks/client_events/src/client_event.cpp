#include <callbacks/client_event.h>

#include "field_writer.h"

#include <callbacks/errors.h>
#include <callbacks/text.h>

#include <async/writer_dispatch.h>

#include <cstring>
#include <tuple>
#include <utility>

namespace callbacks {

namespace {

constexpr std::size_t max_rest = JsonBuffer::room_for_integer + 2;  // of an event without modules: a number, two braces

/// What stands in front of an event is a comma most of the time.
char* copy(char* to, std::string_view text) noexcept {
    if (text.size() == 1) [[likely]] {
        *to = text.front();
    } else if (!text.empty()) {
        std::memcpy(to, text.data(), text.size());
    }
    return to + text.size();
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
      text_(text.text_.view()),
      short_begin_(text.short_begin_),
      own_begin_(text.own_begin_),
      own_names_(text.own_names_),
      number_name_(text.number_name_) {
    if (!is_utf8(text_)) throw NotUtf8("the event " + event_.event_id().value_or("without id") + " isn't UTF-8");
}

/// The events of one response, as the dispatcher walks them.
class ClientEvents::Items {
public:
    Items(ClientEvents& owner, std::span<const OutgoingEvent> events) noexcept
        : owner_(owner), first_(events.data()), next_(events.data()), end_(events.data() + events.size()) {}

    bool next() {
        if (next_ == end_) return false;
        current_ = next_++;
        owner_.open(*current_);
        return true;
    }
    [[nodiscard]] UnsignedWriter& open_writer() noexcept { return *owner_.fields_; }
    [[nodiscard]] std::tuple<const Event&> arguments() const noexcept { return {current_->event->event_}; }
    [[nodiscard]] const EventTraits& subject() const noexcept { return current_->event->traits_; }
    void close() {
        owner_.close();
        if (owner_.set_aside_.empty()) owner_.arena_.rewind();
    }
    [[nodiscard]] SetAside* set_aside() { return &owner_.set_aside(); }
    static void close(SetAside* finished) { finished->fields->writer_->close(); }

    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - first_); }
    [[nodiscard]] std::tuple<const Event&> arguments_of(std::size_t index) const noexcept {
        return {first_[index].event->event_};
    }
    [[nodiscard]] const EventTraits& subject_of(std::size_t index) const noexcept { return first_[index].event->traits_; }

private:
    ClientEvents& owner_;
    const OutgoingEvent* first_;
    const OutgoingEvent* next_;
    const OutgoingEvent* end_;
    const OutgoingEvent* current_ = nullptr;
};

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
    owner_.batch_ = std::make_unique<Batch>(owner_, hook, events_);
    owner_.batch_->walk.bind_context(*here_);
    return owner_.batch_->walk.await_ready();
}

void ClientEvents::Writing::await_suspend(std::coroutine_handle<> waiting) const noexcept {
    owner_.batch_->walk.await_suspend(waiting);
}

std::string_view ClientEvents::Writing::await_resume() const {
    if (owner_.batch_ != nullptr) {
        const std::unique_ptr<Batch> ended = std::move(owner_.batch_);
        ended->walk.await_resume();
    }
    owner_.text_.append(after_);
    return owner_.finished();
}

std::unique_ptr<UnsignedWriter> ClientEvents::new_fields() {
    return std::unique_ptr<UnsignedWriter>(new UnsignedWriter(JsonMemory(&arena_)));
}

void ClientEvents::begin() {
    text_.cut(0);
    for (std::unique_ptr<SetAside>& each : set_aside_) spare_.push_back(std::move(each));
    set_aside_.clear();
    arena_.rewind();
}

/// Up to the number. Leaves room for the rest of an event without modules.
inline char* ClientEvents::put_opening(const OutgoingEvent& outgoing) {
    const ClientEvent& event = *outgoing.event;
    char* const at = copy(text_.reserve(outgoing.before.size() + event.text_.size() + max_rest), outgoing.before);
    const std::size_t left_out = outgoing.in_full ? 0 : event.short_begin_;
    const std::size_t copied = event.text_.size() - left_out;
    std::memcpy(at, event.text_.data() + left_out, copied);
    *at = '{';
    return at + copied;
}

/// Up to and with the host's own fields, which become known to the modules' writer.
inline void ClientEvents::open(const OutgoingEvent& outgoing) {
    const ClientEvent& event = *outgoing.event;
    detail::FieldWriter& fields = *fields_->writer_;
    char* at = put_opening(outgoing);
    const std::size_t opened_at = static_cast<std::size_t>(at - text_.data()) - (event.text_.size() - event.own_begin_);
    at = JsonBuffer::put_number(at, outgoing.number);
    *at = ',';
    text_.commit(at + 1);
    fields.open(text_, opened_at);
    fields.note_own(event.number_name_);
    for (const std::uint32_t name : event.own_names_) fields.note_own(name);
    if (outgoing.own_string) [[unlikely]] {
        fields.add(outgoing.own_string->name, outgoing.own_string->value);
    }
    fields.end_own();
}

inline void ClientEvents::close() {
    fields_->writer_->close();
    text_.append('}');
}

void ClientEvents::write_without_modules(std::span<const OutgoingEvent> events) {
    for (const OutgoingEvent& outgoing : events) {
        if (outgoing.own_string) [[unlikely]] {
            open(outgoing);
            close();
            continue;
        }
        char* const at = JsonBuffer::put_number(put_opening(outgoing), outgoing.number);
        at[0] = '}';
        at[1] = '}';
        text_.commit(at + 2);
    }
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
    if (set_aside_.empty()) return text_.view();
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
