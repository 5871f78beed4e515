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
    : cancellation_registration(
          [](cancellation_registration& self, cancel_reason reason) { static_cast<parent_link&>(self).child.request(reason); }),
      child(owner) {}

cancellation_source::cancellation_source(cancellation_source* parent, bool shielded)
    : cancellation_source(parent, shielded ? cancel_reason::deadline : cancel_reason::caller_gone) {}

cancellation_source::cancellation_source(cancellation_source* parent, cancel_reason least) : parent_link_(*this) {
    if (parent == nullptr) return;
    parent->add(parent_link_, least);
    if (parent->requested() >= least) requested_ = parent->requested();
}

cancellation_source::~cancellation_source() {
    while (first_ != nullptr) first_->unregister();
}

void cancellation_source::request(cancel_reason reason) {
    if (reason <= requested_) return;
    requested_ = reason;
    for (cancellation_registration* current = first_; current != nullptr; current = walking_) {
        walking_ = current->next_;
        if (reason < current->least_) continue;
        current->on_cancel_(*current, reason);
    }
    walking_ = nullptr;
}

void cancellation_source::add(cancellation_registration& registration, cancel_reason least) noexcept {
    registration.unregister();
    registration.source_ = this;
    registration.least_ = least;
    registration.previous_ = nullptr;
    registration.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &registration;
    first_ = &registration;
}

}  // namespace async
