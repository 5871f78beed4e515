#include <modapi/bound_resource.h>

#include <utility>

namespace modapi {

namespace {

/// Nobody would get anything but 405 there, which no module means.
void require_a_method(bool is_one_served) {
    if (!is_one_served) throw callbacks::RegistrationError("tried to register a web resource that serves no method");
}

class BoundJsonResource final : public DirectServeJsonResource {
public:
    explicit BoundJsonResource(JsonMethods methods) : methods_(std::move(methods)) {
        require_a_method(methods_.GET || methods_.POST || methods_.PUT || methods_.DELETE);
    }

protected:
    async::task<JsonResponse> async_render_GET(const Request& request) override {
        return methods_.GET ? methods_.GET.get()(request) : DirectServeJsonResource::async_render_GET(request);
    }
    async::task<JsonResponse> async_render_POST(const Request& request) override {
        return methods_.POST ? methods_.POST.get()(request) : DirectServeJsonResource::async_render_POST(request);
    }
    async::task<JsonResponse> async_render_PUT(const Request& request) override {
        return methods_.PUT ? methods_.PUT.get()(request) : DirectServeJsonResource::async_render_PUT(request);
    }
    async::task<JsonResponse> async_render_DELETE(const Request& request) override {
        return methods_.DELETE ? methods_.DELETE.get()(request) : DirectServeJsonResource::async_render_DELETE(request);
    }

private:
    JsonMethods methods_;
};

class BoundHtmlResource final : public DirectServeHtmlResource {
public:
    explicit BoundHtmlResource(HtmlMethods methods) : methods_(std::move(methods)) {
        require_a_method(methods_.GET || methods_.POST);
    }

protected:
    async::task<Response> async_render_GET(const Request& request) override {
        return methods_.GET ? methods_.GET.get()(request) : DirectServeHtmlResource::async_render_GET(request);
    }
    async::task<Response> async_render_POST(const Request& request) override {
        return methods_.POST ? methods_.POST.get()(request) : DirectServeHtmlResource::async_render_POST(request);
    }

private:
    HtmlMethods methods_;
};

}  // namespace

std::shared_ptr<WebResource> json_resource(JsonMethods methods) {
    return std::make_shared<BoundJsonResource>(std::move(methods));
}

std::shared_ptr<WebResource> html_resource(HtmlMethods methods) {
    return std::make_shared<BoundHtmlResource>(std::move(methods));
}

}  // namespace modapi
