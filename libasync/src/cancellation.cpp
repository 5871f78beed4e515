#include <async/cancellation.h>

namespace async {

void throw_cancelled(cancel_reason reason) {
    if (reason == cancel_reason::deadline) throw deadline_exceeded();
    throw operation_cancelled(reason);
}

void cancellation_registration::unregister() noexcept {
    if (source_ == nullptr) return;
    if (source_->walking_ == this) source_->walking_ = next_;
    if (previous_ != nullptr) {
        previous_->next_ = next_;
    } else {
        source_->first_ = next_;
    }
    if (next_ != nullptr) next_->previous_ = previous_;
    source_ = nullptr;
    previous_ = next_ = nullptr;
}

cancellation_source::parent_link::parent_link(cancellation_source& owner) noexcept
    : cancellation_registration([](cancellation_registration& self, cancel_reason reason) {
          static_cast<parent_link&>(self).child.request(reason);
      }),
      child(owner) {}

cancellation_source::cancellation_source(cancellation_source* parent, bool shielded) : parent_link_(*this) {
    if (parent == nullptr) return;
    parent->add(parent_link_, shielded);
    const cancel_reason already = parent->requested();
    if (already != cancel_reason::none && !(shielded && already == cancel_reason::caller_gone)) requested_ = already;
}

cancellation_source::~cancellation_source() {
    while (first_ != nullptr) first_->unregister();
}

void cancellation_source::request(cancel_reason reason) {
    if (reason <= requested_) return;
    requested_ = reason;
    for (cancellation_registration* current = first_; current != nullptr; current = walking_) {
        walking_ = current->next_;
        if (current->shielded_ && reason == cancel_reason::caller_gone) continue;
        current->on_cancel_(*current, reason);
    }
    walking_ = nullptr;
}

void cancellation_source::add(cancellation_registration& registration, bool shielded) noexcept {
    registration.unregister();
    registration.source_ = this;
    registration.shielded_ = shielded;
    registration.previous_ = nullptr;
    registration.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &registration;
    first_ = &registration;
}

}  // namespace async
