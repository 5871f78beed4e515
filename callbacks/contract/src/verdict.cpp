#include <callbacks/verdict.h>

#include <callbacks/storable_json.h>

#include <stdexcept>

namespace callbacks {

Verdict::Verdict(Codes code, JsonDict additional_fields)
    : spam_(true), code_(code), details_(with_fields(std::move(additional_fields))) {}

boost::intrusive_ptr<Verdict::Details> Verdict::with_fields(JsonDict additional_fields) {
    if (const char* const why = unreadable_because(additional_fields))
        throw std::invalid_argument(std::string("the fields of a verdict can't be sent: ") + why);
    boost::intrusive_ptr<Details> details(new Details);
    details->ignored = additional_fields.erase("errcode") + additional_fields.erase("error") > 0;
    details->additional_fields = std::move(additional_fields);
    return details;
}

std::string_view Verdict::errcode() const noexcept {
    return details_ && details_->errcode ? std::string_view(*details_->errcode) : errcode_of(code_);
}

std::optional<std::string_view> Verdict::text() const noexcept {
    if (!details_ || !details_->text) return std::nullopt;
    return std::string_view(*details_->text);
}

const JsonDict& Verdict::additional_fields() const noexcept {
    static const JsonDict none;
    return details_ ? details_->additional_fields : none;
}

Verdict Verdict::without_fields(const Verdict& verdict) {
    if (!verdict.details_ || verdict.details_->additional_fields.empty()) return verdict;
    const boost::intrusive_ptr<Details> details(new Details);
    details->errcode = verdict.details_->errcode;
    details->text = verdict.details_->text;
    details->ignored = true;
    Verdict bare(Codes::FORBIDDEN);
    bare.details_ = details;
    return bare;
}

bool Verdict::fields_were_ignored() const noexcept { return details_ && details_->ignored; }

Verdict reject(std::string errcode, std::optional<std::string> text, JsonDict additional_fields) {
    Verdict verdict(Codes::FORBIDDEN);
    const boost::intrusive_ptr<Verdict::Details> details = Verdict::with_fields(std::move(additional_fields));
    details->errcode = std::move(errcode);
    details->text = std::move(text);
    verdict.details_ = details;
    return verdict;
}

Verdict reject(std::string errcode, std::string text) { return reject(std::move(errcode), std::move(text), JsonDict()); }

EventVerdict::EventVerdict(std::string text) : Verdict(reject(std::string(errcode_of(Codes::FORBIDDEN)), std::move(text))) {}

EventVerdict::EventVerdict(const char* text) : Verdict(reject(std::string(errcode_of(Codes::FORBIDDEN)), text)) {}

}  // namespace callbacks
