#include "http_messages.h"

#include "http/request_reader.h"
#include "promise.h"

#include <modapi/http_client.h>

#include <callbacks/errors.h>

#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fuzz {

namespace {

using boost::asio::ip::tcp;
using homeserver::RequestReader;

/// What became of one client's bytes: each request that was taken, and how it ended.
struct Requests {
    std::vector<modapi::Request> taken;
    std::size_t taken_bytes = 0;  ///< of all of them
    int refused_with = 0;

    bool operator==(const Requests& other) const {
        return refused_with == other.refused_with && taken_bytes == other.taken_bytes &&
               std::equal(taken.begin(), taken.end(), other.taken.begin(), other.taken.end(),
                          [](const modapi::Request& left, const modapi::Request& right) {
                              return left.method == right.method && left.target == right.target &&
                                     left.headers == right.headers && left.body == right.body;
                          });
    }
};

/// How bodies are taken.
enum class Bodies : unsigned char { whole, in_parts };

Requests requests_in(std::string_view bytes, std::size_t part_size, Bodies bodies = Bodies::whole) {
    Requests read;
    std::string body;
    boost::beast::flat_buffer received;
    std::size_t sent = 0;
    auto reader = std::make_unique<RequestReader>();
    for (;;) {
        const RequestReader::Progress progress = reader->read(received);
        if (progress == RequestReader::Progress::header) {
            if (bodies == Bodies::in_parts) reader->take_in_parts();
            continue;
        }
        if (bodies == Bodies::in_parts) body += reader->take_part();
        if (progress == RequestReader::Progress::refused) {
            read.refused_with = reader->refusal().status();
            return read;
        }
        if (progress == RequestReader::Progress::whole) {
            read.taken.push_back(reader->take());
            if (bodies == Bodies::in_parts) read.taken.back().body = std::exchange(body, std::string());
            read.taken_bytes = sent - received.size();
            reader = std::make_unique<RequestReader>();
            continue;
        }
        const std::string_view part = bytes.substr(sent, part_size);
        if (part.empty()) return read;
        const auto room = received.prepare(part.size());
        std::copy(part.begin(), part.end(), static_cast<char*>(room.data()));
        received.commit(part.size());
        sent += part.size();
    }
}

bool is_one_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos; }

/// A request in other words: its body by length.
std::string written(const modapi::Request& request) {
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : request.headers) {
        std::string lower = name;
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
        if (lower != "content-length" && lower != "transfer-encoding") text += name + ": " + value + "\r\n";
    }
    return text + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

void check(const modapi::Request& request) {
    promise(!request.method.empty() && !request.target.empty(), "a request has a method and a target");
    promise(is_one_line(request.method) && is_one_line(request.target), "a request's first line is one line");
    for (const auto& [name, value] : request.headers) promise(is_one_line(name) && is_one_line(value), "a header is one line");
    promise(!(request.header("Content-Length") && request.header("Transfer-Encoding")), "a body's end is said in one way");
    const Requests again = requests_in(written(request), std::string_view::npos);
    promise(again.refused_with == 0 && again.taken.size() == 1, "a request that was taken can be written and taken again");
    promise(again.taken[0].body == request.body && again.taken[0].target == request.target, "and says what it said");
}

constexpr const char* answered_with_the_bytes = "/first";

/// A server on this thread that answers a request for that target with the bytes, and any other with its own target.
class Peer {
public:
    explicit Peer(boost::asio::io_context& io) : acceptor_(io, {boost::asio::ip::address_v4::loopback(), 0}) { accept(); }

    void answer_with(std::string bytes, bool keeps) {
        answer_ = std::move(bytes);
        keeps_ = keeps;
    }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

private:
    struct Connection {
        explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}
        tcp::socket socket;
        std::string received;
        std::string sent;
    };
    void accept() {
        acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
            if (error) return;
            read(std::make_shared<Connection>(std::move(socket)));
            accept();
        });
    }
    void read(const std::shared_ptr<Connection>& connection) {
        const std::size_t known = connection->received.size();
        connection->received.resize(known + 1024);
        connection->socket.async_read_some(boost::asio::buffer(connection->received.data() + known, 1024),
                                           [this, connection, known](const boost::system::error_code& error, std::size_t size) {
                                               connection->received.resize(known + size);
                                               if (error) return;
                                               if (connection->received.find("\r\n\r\n") == std::string::npos)
                                                   return read(connection);
                                               answer(connection);
                                           });
    }
    void answer(const std::shared_ptr<Connection>& connection) {
        const std::size_t begin = connection->received.find(' ') + 1;
        const std::string target = connection->received.substr(begin, connection->received.find(' ', begin) - begin);
        const bool with_bytes = target == answered_with_the_bytes;
        const bool is_last = with_bytes && !keeps_;
        connection->sent = with_bytes ? answer_ : own_answer(target);
        connection->received.clear();
        boost::asio::async_write(connection->socket, boost::asio::buffer(connection->sent),
                                 [this, connection, is_last](const boost::system::error_code& error, std::size_t) {
                                     boost::system::error_code ignored;
                                     if (is_last) connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
                                     if (!error) read(connection);
                                 });
    }
    static std::string own_answer(const std::string& target) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(target.size()) + "\r\n\r\n" + target;
    }

    tcp::acceptor acceptor_;
    std::string answer_;
    bool keeps_ = false;
};

constexpr std::size_t max_answer = 2000;

modapi::HttpClientSettings client_settings() {
    modapi::HttpClientSettings settings;
    settings.ip_range_allowlist = {"127.0.0.0/8"};
    settings.timeout = std::chrono::milliseconds(20);
    settings.largest_body = max_answer;
    return settings;
}

/// None: it failed, in a way that a module may see.
std::optional<modapi::HttpResponse> requested(boost::asio::io_context& io, modapi::HttpClient& client, const std::string& url) {
    try {
        return async::sync_wait(io, client.request("GET", url));
    } catch (const callbacks::SynapseError&) {
    } catch (const modapi::HttpFormatError&) {
    } catch (const modapi::BlockedAddressError&) {
    } catch (const boost::system::system_error&) {
    }
    return std::nullopt;
}

}  // namespace

void read_http_request(std::string_view bytes) {
    const Requests whole = requests_in(bytes, std::string_view::npos);
    for (const std::size_t part_size : {std::size_t(1), std::size_t(3), std::size_t(16), std::size_t(61)})
        promise(requests_in(bytes, part_size) == whole, "requests are the same however their bytes are cut");
    // A body in parts has no limit, so that more may follow it.
    if (whole.refused_with != 413) {
        for (const std::size_t part_size : {std::size_t(1), std::size_t(16), std::string_view::npos})
            promise(requests_in(bytes, part_size, Bodies::in_parts) == whole, "bodies are the same in parts");
    }
    promise(whole.taken_bytes <= bytes.size(), "a request has no more than was sent");
    promise(whole.refused_with == 0 || (whole.refused_with >= 400 && whole.refused_with <= 599), "a refusal is an error");
    for (const modapi::Request& request : whole.taken) check(request);
}

void read_http_answer(std::string_view bytes) {
    static boost::asio::io_context io(1);
    static Peer peer(io);
    const bool keeps = bytes.starts_with('k');
    peer.answer_with(std::string(bytes.substr(keeps ? 1 : 0)), keeps);
    modapi::HttpClient client(client_settings());
    const std::optional<modapi::HttpResponse> first = requested(io, client, peer.url() + answered_with_the_bytes);
    if (first) {
        promise(first->status >= 100 && first->status <= 999, "an answer has a status of three digits");
        promise(first->body.size() <= max_answer && first->length == first->body.size(),
                "an answer is as large as it may be at most");
        std::size_t header = 0;
        for (const auto& [name, value] : first->headers) header += name.size() + value.size();
        promise(header <= bytes.size() + max_answer, "a header has no more than was sent");
    }
    for (const char* const target : {"/second", "/third"}) {
        const std::optional<modapi::HttpResponse> next = requested(io, client, peer.url() + target);
        promise(!next || next->body == target, "a request gets its own answer and no other's");
    }
}

}  // namespace fuzz
