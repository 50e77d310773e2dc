// Configuration: what --config FILE may say, and the settings that a server runs with. Every key is
// documented in schemas/config/config.json; a key that is not there is an error.
#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/server.hpp"
#include "app/address.hpp"
#include "app/log.hpp"
#include "domain/lease_rules.hpp"
#include "journal/codec/fields.hpp"
#include "journal/node.hpp"
#include "workers/adapters/s3_blob_store.hpp"
#include "workers/adapters/smtp_mailer.hpp"

namespace groundtruth::app {

// --- the file: every key may be left out
// ------------------------------------------------------------------------------

namespace file {

using journal::codec::Integer;

using Count = Integer<1, 1'000'000>;
using Milliseconds = Integer<1, 3'600'000>;
using Bytes = Integer<1'024, 1LL << 40>;

struct OwnRateLimits {
  std::optional<Count> key_per_minute, account_per_minute;
  std::optional<Bytes> journal_bytes_per_day;
};
BOOST_DESCRIBE_STRUCT(OwnRateLimits, (), (key_per_minute, account_per_minute, journal_bytes_per_day))

struct RateLimits {
  std::optional<Count> key_per_minute, account_per_minute, address_per_minute;
  std::optional<Bytes> journal_bytes_per_day;
  std::optional<std::map<std::string, OwnRateLimits>> accounts;
};
BOOST_DESCRIBE_STRUCT(RateLimits, (),
                      (key_per_minute, account_per_minute, address_per_minute, journal_bytes_per_day,
                       accounts))

struct WorkerRateLimits {
  std::optional<Count> worker_per_minute, address_per_minute, logins_per_minute, account_logins_per_minute;
  std::optional<Count> mails_per_hour, mails_per_hour_to_mailbox, mailbox_per_hour, mail_domain_per_hour;
  std::optional<Bytes> journal_bytes_per_day, address_journal_bytes_per_day;
};
BOOST_DESCRIBE_STRUCT(WorkerRateLimits, (),
                      (worker_per_minute, address_per_minute, logins_per_minute, account_logins_per_minute,
                       mails_per_hour, mails_per_hour_to_mailbox, mailbox_per_hour, mail_domain_per_hour,
                       journal_bytes_per_day, address_journal_bytes_per_day))

struct RateLimitsBySurface {
  std::optional<RateLimits> groundtruth;
  std::optional<WorkerRateLimits> worker;
};
BOOST_DESCRIBE_STRUCT(RateLimitsBySurface, (), (groundtruth, worker))

struct HostsBySurface {
  std::optional<std::vector<std::string>> groundtruth, worker;
};
BOOST_DESCRIBE_STRUCT(HostsBySurface, (), (groundtruth, worker))

struct Http {
  std::optional<Milliseconds> header_timeout_ms, idle_timeout_ms, body_timeout_ms, handler_timeout_ms,
      write_timeout_ms, drain_timeout_ms;
  std::optional<Integer<0, 3'600'000>> drain_delay_ms;
  std::optional<Integer<1'024, 1'048'576>> header_limit_bytes;
  std::optional<Count> max_connections, max_connections_per_address;
  std::optional<Integer<16'777'216, 1LL << 40>> memory_bytes, memory_bytes_per_account,
      memory_bytes_per_address;
  std::optional<Integer<1, 64>> large_body_threads;
  std::optional<std::vector<std::string>> trusted_proxies;
  std::optional<std::string> client_address_header;
};
BOOST_DESCRIBE_STRUCT(Http, (),
                      (header_timeout_ms, idle_timeout_ms, body_timeout_ms, handler_timeout_ms,
                       write_timeout_ms, drain_timeout_ms, drain_delay_ms, header_limit_bytes,
                       max_connections, max_connections_per_address, memory_bytes, memory_bytes_per_account,
                       memory_bytes_per_address, large_body_threads, trusted_proxies, client_address_header))

struct Internal {
  std::optional<std::string> listen, advertise;
};
BOOST_DESCRIBE_STRUCT(Internal, (), (listen, advertise))

struct Payments {
  std::optional<std::string> provider;
  std::optional<Integer<1, 43'200>> checkout_minutes;
  std::optional<Count> max_unpaid_tasks;
};
BOOST_DESCRIBE_STRUCT(Payments, (), (provider, checkout_minutes, max_unpaid_tasks))

enum class StartTls : std::uint8_t { off, optional, required };
BOOST_DESCRIBE_ENUM(StartTls, off, optional, required)

struct Mail {
  std::optional<std::string> url;  // smtp://HOST:PORT or smtps://HOST:PORT
  std::optional<StartTls> starttls;
  std::optional<std::string> user, password_file, ca_file, from, from_name;
  std::optional<Integer<1, 168>> give_up_hours;
};
BOOST_DESCRIBE_STRUCT(Mail, (), (url, starttls, user, password_file, ca_file, from, from_name, give_up_hours))

struct S3 {
  std::optional<std::string> endpoint, region, bucket, access_key_id, secret_access_key_file, key_prefix,
      ca_file;
  std::optional<bool> path_style, server_checks_sha256;
};
BOOST_DESCRIBE_STRUCT(S3, (),
                      (endpoint, region, bucket, access_key_id, secret_access_key_file, key_prefix, ca_file,
                       path_style, server_checks_sha256))

struct Media {
  std::optional<S3> s3;
  std::optional<std::string> folder;
};
BOOST_DESCRIBE_STRUCT(Media, (), (s3, folder))

struct Workers {
  std::optional<Integer<1, 10'080>> lease_minutes;
  std::optional<Integer<1, 10'000>> max_leases;
  std::optional<Integer<0, 60>> free_lease_ends;
  std::optional<Integer<0, 604'800>> lease_wait_seconds, max_lease_wait_seconds;
  std::optional<Bytes> max_upload_bytes, max_lease_upload_bytes, max_daily_upload_bytes;
  std::optional<Integer<1, 100>> max_lease_uploads;
  std::optional<Integer<1, 64>> max_running_uploads;
  std::optional<Integer<1, 604'800>> upload_seconds, upload_grace_seconds;
  std::optional<Integer<1, 64>> password_threads;
};
BOOST_DESCRIBE_STRUCT(Workers, (),
                      (lease_minutes, max_leases, free_lease_ends, lease_wait_seconds, max_lease_wait_seconds,
                       max_upload_bytes, max_lease_upload_bytes, max_daily_upload_bytes, max_lease_uploads,
                       max_running_uploads, upload_seconds, upload_grace_seconds, password_threads))

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, critical, off };
BOOST_DESCRIBE_ENUM(LogLevel, trace, debug, info, warning, error, critical, off)

struct Log {
  std::optional<LogLevel> level;
  std::optional<std::string> file;         // instead of stderr
  std::optional<std::string> access_file;  // "-": stdout, "": none
  std::optional<Bytes> access_queue_bytes, max_file_bytes;
  std::optional<Integer<0, 1'000>> old_files;
};
BOOST_DESCRIBE_STRUCT(Log, (), (level, file, access_file, access_queue_bytes, max_file_bytes, old_files))

enum class JournalKind : std::uint8_t { sqlite, kafka };
BOOST_DESCRIBE_ENUM(JournalKind, sqlite, kafka)

struct Journal {
  std::optional<JournalKind> kind;
  std::optional<std::string> brokers, topic_prefix;
  std::optional<std::map<std::string, std::string>> properties;  // of librdkafka
  std::optional<Integer<0, 3'600'000>> stats_interval_ms;        // 0: none
  std::optional<Count> max_in_flight, max_waiting, max_batches_in_flight, max_cached_aggregates,
      max_projection_backlog, max_group_records, tail_records, checkpoint_pages;
  std::optional<Bytes> max_group_bytes, max_queued_bytes, tail_bytes;
};
BOOST_DESCRIBE_STRUCT(Journal, (),
                      (kind, brokers, topic_prefix, properties, stats_interval_ms, max_in_flight, max_waiting,
                       max_batches_in_flight, max_cached_aggregates, max_projection_backlog,
                       max_group_records, tail_records, checkpoint_pages, max_group_bytes, max_queued_bytes,
                       tail_bytes))

struct ReadModels {
  std::optional<Count> max_batch_commits;
  std::optional<Integer<1, 256>> max_readers;
  std::optional<Bytes> task_cache_bytes;
};
BOOST_DESCRIBE_STRUCT(ReadModels, (), (max_batch_commits, max_readers, task_cache_bytes))

struct Keys {
  std::optional<Integer<1, 64>> bcrypt_threads;
  std::optional<Count> bcrypt_max_waiting;
};
BOOST_DESCRIBE_STRUCT(Keys, (), (bcrypt_threads, bcrypt_max_waiting))

struct Config {
  std::optional<std::string> listen, ops, data, public_url;
  std::optional<std::vector<std::string>> roles;
  std::optional<Integer<1, 256>> io_threads;
  std::optional<RateLimitsBySurface> rate_limits;
  std::optional<HostsBySurface> hosts;
  std::optional<Http> http;
  std::optional<Internal> internal;
  std::optional<std::vector<std::string>> cors_origins;
  std::optional<Payments> payments;
  std::optional<Mail> mail;
  std::optional<Media> media;
  std::optional<Workers> workers;
  std::optional<Log> log;
  std::optional<Journal> journal;
  std::optional<ReadModels> read_models;
  std::optional<Keys> keys;
};
BOOST_DESCRIBE_STRUCT(Config, (),
                      (listen, ops, data, public_url, roles, io_threads, rate_limits, hosts, http, internal,
                       cors_origins, payments, mail, media, workers, log, journal, read_models, keys))

}  // namespace file

// --- the settings
// -----------------------------------------------------------------------------------------------------

struct RateLimitSettings {
  std::uint32_t key_per_minute = 600;                       // CONTRACTS, "Rate limits"
  std::uint32_t account_per_minute = 6'000;                 // all keys of an account together
  std::uint32_t address_per_minute = 120;                   // requests without a valid key
  std::uint64_t journal_bytes_per_day = 256 * 1024 * 1024;  // of an account
  struct Own {
    std::uint32_t key_per_minute, account_per_minute;
    std::uint64_t journal_bytes_per_day;
  };
  std::map<std::string, Own> accounts = {};  // those of accounts that have their own
};

struct WorkerSettings {
  std::uint32_t worker_per_minute = 120;
  std::uint32_t address_per_minute = 120;
  std::uint32_t logins_per_minute = 10;           // wrong ones, with one e-mail address from one address
  std::uint32_t account_logins_per_minute = 200;  // wrong ones, with one e-mail address from anywhere
  // Registrations, and mails that are asked for: by one client address, by one to one mailbox, by all to one
  // mailbox, by all to one domain of mail addresses.
  std::uint32_t mails_per_hour = 30, mails_per_hour_to_mailbox = 5;
  std::uint32_t mailbox_per_hour = 30, mail_domain_per_hour = 1'000;
  std::uint64_t journal_bytes_per_day = 16 * 1024 * 1024;  // of a worker
  std::uint64_t address_journal_bytes_per_day =
      16 * 1024 * 1024;  // of all without a credential at one address
  std::chrono::minutes lease{30};
  domain::LeaseRules lease_rules;
  std::int64_t max_upload_bytes = std::int64_t{1} << 30;
  std::int64_t max_lease_upload_bytes = std::int64_t{1} << 31;  // never less than one upload may have
  std::int64_t max_lease_uploads = 8;
  std::int64_t max_daily_upload_bytes = std::int64_t{20} << 30;  // of a worker within 24 h; likewise
  std::size_t max_running_uploads = 8;                           // of a worker at once
  std::chrono::seconds upload_lifetime{3'600};                   // of an upload's URL
  std::chrono::seconds upload_grace{3'600};  // and then, until what nobody names is removed
  unsigned password_threads = 2;             // 64 MiB each while they calculate
};

// Where the journal is on Kafka; the data directory then holds read models and data keys only.
struct KafkaSettings {
  std::string brokers, topic_prefix;
  std::map<std::string, std::string> properties;
  std::chrono::milliseconds stats_interval{5'000};
};
// SqliteJournalOptions and ProjectorOptions without what assembly puts in.
struct JournalSettings {
  std::size_t max_group_records = 4'096;
  std::size_t max_group_bytes = 8 * 1024 * 1024;
  std::size_t max_queued_bytes = 64 * 1024 * 1024;
  std::size_t tail_records = 1'024;
  std::size_t tail_bytes = 1024 * 1024;
  std::size_t checkpoint_pages = 1'000;
};
struct ReadModelSettings {
  std::size_t max_batch_commits = 4'096;
  std::size_t max_readers = 8;
  std::size_t task_cache_bytes = 128 * 1024 * 1024;
};

// What a process does of all that can be done on a journal.
struct Roles {
  bool api = true;      // the public listener, and commands
  bool workers = true;  // what follows from commands and from time
  bool reads = false;   // the public listener alone: commands are answered 503; instead of `api`
  bool is_public() const { return api || reads; }
  friend bool operator==(const Roles&, const Roles&) = default;
};

struct Settings {
  Roles roles;
  Address listen{"127.0.0.1", 8080};
  Address ops{"127.0.0.1", 8081};
  std::filesystem::path data = "./data";
  std::string
      public_url;  // "" is http://<listen>; what URLs in answers begin with, without a slash at the end
  bool dev = false;
  bool enforce_rate_limits = true;
  RateLimitSettings groundtruth_limits;
  std::vector<std::string> groundtruth_hosts;
  http::ServerOptions http;                   // address and port come from `listen`
  http::MemoryLimits memory;                  // of all messages on their way
  std::chrono::milliseconds drain_delay{0};   // between saying that it stops, and stopping
  std::optional<Address> internal;            // where it takes commands from other nodes; only with `kafka`
  std::string internal_advertised;            // HOST:PORT; "": `internal`
  std::string payments_provider;              // "": none
  std::chrono::minutes checkout{24 * 60};     // how long one can be paid
  std::uint32_t max_unpaid_tasks = 1'000;     // of an account
  std::optional<adapters::SmtpOptions> mail;  // nullopt: none, with --dev a folder
  std::chrono::hours mail_give_up{48};        // for how long a mail is tried
  std::optional<adapters::S3Options> s3;      // nullopt: media lies in a folder
  std::filesystem::path media_folder;         // "": DATA/media, with --dev alone
  WorkerSettings workers;
  std::vector<std::string> worker_hosts;
  LogOptions log;
  std::optional<std::filesystem::path> access_log;  // nullopt: DATA/access.log; "": none
  std::size_t access_queue_bytes = 4 * 1024 * 1024;
  journal::NodeOptions node;
  JournalSettings journal;
  std::optional<KafkaSettings> kafka;  // nullopt: the embedded journal in the data directory
  ReadModelSettings read_models;
  unsigned bcrypt_threads = 2;
  std::size_t bcrypt_max_waiting = 256;
};

// What the command line of `serve` says; it wins over the file.
struct CommandLine {
  std::optional<std::string> listen, ops, internal, data;
  std::optional<std::string> journal, brokers;  // "sqlite" or "kafka"; HOST:PORT,…
  std::optional<std::vector<std::string>> roles;
  bool dev = false;
  bool no_rate_limits = false;
};

// Lays the file's text over the defaults and the command line over both. Throws CommandError (`usage`) that
// names each wrong key by its path.
Settings resolve_settings(const std::optional<std::string>& file_text, const std::string& file_name,
                          const CommandLine& line);

// Reads the file, if one is named, and resolves. Throws CommandError (`usage`) also when it cannot be read.
Settings load_settings(const std::optional<std::filesystem::path>& file, const CommandLine& line);

}  // namespace groundtruth::app
