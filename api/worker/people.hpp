// Who has an address, who is behind a link, and how many mails may be asked for: what registering, verifying,
// logging in and resetting a password have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/common/email_claim.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

EmailClaims claims_of(const Services& services, std::string_view email);

// Who verified the address, under whichever claim.
std::optional<domain::Worker> holder_of(const Services& services, const EmailClaims& claims);
// The same, or else who registered last with it: whose password a login is checked against.
std::optional<domain::Worker> person_of(const Services& services, const EmailClaims& claims);

// Registrations took their address at once, formerly. Those of the address that are not verified give it
// back.
http::Async<void> yield_address(Services& services, const http::Request& request, EmailClaims claims);

// Counts a mail that this request may cause to be sent to that address. The answer where there are too many;
// it depends on who asked how often, and on nothing that is known of the address.
std::optional<Problem> take_mail(Services& services, const http::Request& request, std::string_view email);

// Has a command of this kind executed without waiting for its answer: so an address that is known is answered
// as quickly as one that is not. Who gets no mail asks again.
void request_mail(Services& services, const domain::WorkerId& worker, domain::WorkerMail which);

// 202: what becomes of it is not known, or not told.
http::Response accepted(const http::Request& request, std::string_view message);
http::Response too_many_mails(const http::Request& request, const Problem& problem);
Problem only_reads();

// Passwords of one client address wait in a queue of their own, and only for as long as their client does.
WorkFor password_work(const http::Request& request, std::function<void()> dropped);
// "" where too many passwords wait already.
http::Async<std::string> hash_password(Services& services, const http::Request& request,
                                       std::string password);
Problem too_many_passwords();

// A link's subject that is good for one change of the password: "wrk_…~3" after three of them.
std::string reset_subject(const domain::Worker& worker);
struct ResetSubject {
  domain::WorkerId worker;
  std::int64_t password_changes = 0;
};
std::optional<ResetSubject> parse_reset_subject(std::string_view subject);

// In their own chain, by a link that only they were sent.
Sender sender_by_link(const domain::WorkerId& worker);

}  // namespace groundtruth::api::worker
