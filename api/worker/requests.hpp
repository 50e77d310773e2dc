// What workers may send: types that carry their rules (CONTRACTS, "The people who do the work").
#pragma once

#include <boost/describe.hpp>
#include <optional>

#include "api/common/email_claim.hpp"
#include "api/common/fields.hpp"
#include "api/common/location.hpp"
#include "api/common/text.hpp"
#include "domain/assignment.hpp"
#include "journal/codec/fields.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/media_kinds.hpp"

namespace groundtruth::api::worker {

namespace codec = journal::codec;

struct EmailField {
  std::string value;
  static std::optional<codec::FieldProblem> check(const std::string& email) {
    if (canonical_email(email)) return std::nullopt;
    return codec::FieldProblem{"invalid_value", "must be an e-mail address", {}};
  }
};

// One line: it stands in lists, and on pages. Counted and kept in NFC.
struct NameField {
  std::string value;
  static std::optional<codec::FieldProblem> check(const std::string& name) {
    if (!is_line(name)) return codec::FieldProblem{"invalid_value", "must hold no control characters", {}};
    return codec::check_length(codec::code_points(to_nfc(name)), 1, 100, "character");
  }
};

// A new one, counted as it is hashed. Long ones cost no more to hash, but there is no use in them.
struct PasswordField {
  static constexpr std::size_t kMin = 10, kMax = 200;
  std::string value;
  static std::optional<codec::FieldProblem> check(const std::string& password) {
    if (!is_password_text(password))
      return codec::FieldProblem{
          "invalid_value", "must hold no control characters, nor any that have no meaning in Unicode", {}};
    return codec::check_length(codec::code_points(to_opaque(password)), kMin, kMax, "character");
  }
};
using ModalityList = codec::UniqueList<domain::Modality, 0, 4>;

struct RegisterRequest {
  NameField name;
  EmailField email;
  PasswordField password;
  std::optional<SkillList> skills;
  std::optional<ModalityList> modalities;
  codec::Nullable<LocationField> location;
};
BOOST_DESCRIBE_STRUCT(RegisterRequest, (), (name, email, password, skills, modalities, location))

// Nothing is said about what is wrong with either.
struct LoginRequest {
  codec::Text<1, 254> email;
  codec::Text<1, 1'000> password;
};
BOOST_DESCRIBE_STRUCT(LoginRequest, (), (email, password))

// What the address of a link says may stand in the body, too.
struct VerifyRequest {
  std::optional<codec::Text<1, 512>> token;
  std::optional<PasswordField> password;  // instead of the one that was entered at registration
};
BOOST_DESCRIBE_STRUCT(VerifyRequest, (), (token, password))

// One of the two.
struct ResendRequest {
  std::optional<codec::Text<1, 254>> email;
  std::optional<codec::Text<1, 512>> token;  // of a link that has expired
};
BOOST_DESCRIBE_STRUCT(ResendRequest, (), (email, token))

struct ForgotRequest {
  codec::Text<1, 254> email;
};
BOOST_DESCRIBE_STRUCT(ForgotRequest, (), (email))

struct ResetRequest {
  std::optional<codec::Text<1, 512>> token;
  PasswordField password;
};
BOOST_DESCRIBE_STRUCT(ResetRequest, (), (token, password))

// What is left out stays as it is; a location of null is forgotten.
struct ProfileRequest {
  std::optional<NameField> name;
  std::optional<SkillList> skills;
  std::optional<ModalityList> modalities;
  std::optional<codec::Nullable<LocationField>> location;
};
BOOST_DESCRIBE_STRUCT(ProfileRequest, (), (name, skills, modalities, location))

struct Sha256Field {
  std::string value;
  static std::optional<codec::FieldProblem> check(const std::string& hash) {
    if (ports::is_sha256_hex(hash)) return std::nullopt;
    return codec::FieldProblem{"invalid_value", "must be 64 lower-case hexadecimal digits", {}};
  }
};

// A kind that is taken, by its name or an alias, with the parameters that recorders write (`codecs`) or none;
// or application/octet-stream, which is what a client says that goes by the file's name alone.
struct MediaTypeField {
  std::string value;
  static std::optional<codec::FieldProblem> check(const std::string& type);
};
// nullptr: not taken, or with parameters that nobody knows.
const ports::MediaKind* kind_of_type(std::string_view content_type);

struct UploadRequest {
  std::optional<codec::Text<0, 255>> filename;  // its extension says what cannot be taken; it is not kept
  MediaTypeField content_type;
  codec::Integer<1, std::int64_t{1} << 53> bytes;  // the server's own limit is below
  Sha256Field sha256;
};
BOOST_DESCRIBE_STRUCT(UploadRequest, (), (filename, content_type, bytes, sha256))

// What the upload will be, by its type or else by its name. nullptr, with what is wrong in `errors`: nothing
// of the kinds that a task with these modalities takes.
const ports::MediaKind* kind_of_upload(const UploadRequest& upload,
                                       const std::vector<domain::Modality>& wanted, FieldErrors& errors);

struct ProofRequest {
  std::optional<codec::Text<1, 50'000>> text;
  std::optional<codec::UniqueList<std::string, 1, domain::kMaxUploads>> uploads;    // upload ids
  std::optional<codec::UniqueList<std::string, 1, domain::kMaxUploads>> data_urls;  // data:image/png;base64,…
};
BOOST_DESCRIBE_STRUCT(ProofRequest, (), (text, uploads, data_urls))

struct EmptyRequest {};
BOOST_DESCRIBE_STRUCT(EmptyRequest, (), ())

}  // namespace groundtruth::api::worker
