// See config.hpp.
#include "app/config.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "api/http/client_address.hpp"
#include "app/exit_code.hpp"
#include "app/files.hpp"
#include "app/terminal.hpp"
#include "domain/ids.hpp"
#include "journal/codec/json_reader.hpp"

namespace groundtruth::app {
namespace {

// Lays an optional value of the file over a default.
template <class Target, class Source>
void lay(Target& target, const std::optional<Source>& source) {
  if (!source) return;
  if constexpr (journal::codec::CheckedField<Source>) {
    target = static_cast<Target>(source->value);
  } else {
    target = *source;
  }
}
template <class Source>
void lay(std::chrono::milliseconds& target, const std::optional<Source>& source) {
  if (source) target = std::chrono::milliseconds(source->value);
}

class Problems {
 public:
  explicit Problems(std::string where) : where_(std::move(where)) {}
  void add(std::string_view path, std::string_view what) {
    text_ += "\n  ";
    if (!path.empty()) text_ += printable(path) + ' ';
    text_ += printable(what);
  }
  void throw_if_any(std::string_view advice) const {
    if (!text_.empty())
      throw CommandError(ExitCode::usage, where_ + ":" + text_ + "\n" + std::string(advice));
  }

 private:
  std::string where_, text_;
};

constexpr std::string_view kSchemaAdvice = "Every key is described in schemas/config/config.json.";

file::Config decode(const std::string& text, const std::string& file_name) {
  auto decoded = journal::codec::decode_json<file::Config>(text);
  Problems problems(file_name);
  if (decoded.not_json) {
    std::string where;
    if (decoded.not_json->offset) where = " (at byte " + std::to_string(*decoded.not_json->offset) + ")";
    problems.add("", "the file " + decoded.not_json->reason + where);
  }
  for (const auto& error : decoded.errors) problems.add(error.path, error.message);
  problems.throw_if_any(kSchemaAdvice);
  return std::move(*decoded.value);
}

void set_address(Address& target, const std::optional<std::string>& text, std::string_view name,
                 Problems& problems) {
  if (!text) return;
  const auto parsed = parse_address(*text);
  if (parsed) {
    target = *parsed;
  } else {
    problems.add(name, "'" + *text + "' is not an address; write IP:PORT, e.g. 127.0.0.1:8080 or [::1]:8080");
  }
}

void set_roles(Settings& settings, const std::optional<std::vector<std::string>>& names,
               std::string_view setting, Problems& problems) {
  if (!names) return;
  Roles roles{false, false, false};
  for (const auto& name : *names) {
    if (name == "api") {
      roles.api = true;
    } else if (name == "workers") {
      roles.workers = true;
    } else if (name == "reads") {
      roles.reads = true;
    } else {
      problems.add(setting, "'" + name + "' is none of api, workers and reads");
    }
  }
  if (names->empty()) problems.add(setting, "is empty: name at least one of api, workers and reads");
  if (roles.api && roles.reads)
    problems.add(setting, "names api and reads: a node that takes commands serves reads too");
  settings.roles = roles;
}

void set_public_url(Settings& settings, const std::optional<std::string>& url, Problems& problems) {
  if (!url) return;
  settings.public_url = *url;
  while (settings.public_url.ends_with('/')) settings.public_url.pop_back();
  if (!settings.public_url.starts_with("http://") && !settings.public_url.starts_with("https://"))
    problems.add("public_url", "must begin with http:// or https://");
}

void lay_http(http::ServerOptions& options, const file::Http& http, Problems& problems) {
  lay(options.header_timeout, http.header_timeout_ms);
  lay(options.idle_timeout, http.idle_timeout_ms);
  lay(options.body_timeout, http.body_timeout_ms);
  lay(options.handler_timeout, http.handler_timeout_ms);
  lay(options.write_timeout, http.write_timeout_ms);
  lay(options.drain_timeout, http.drain_timeout_ms);
  lay(options.header_limit_bytes, http.header_limit_bytes);
  lay(options.max_connections, http.max_connections);
  lay(options.max_connections_per_address, http.max_connections_per_address);
  lay(options.aside.threads, http.large_body_threads);
  lay(options.trusted_proxies, http.trusted_proxies);
  try {
    http::TrustedProxies{options.trusted_proxies};
  } catch (const std::invalid_argument& unreadable) {
    problems.add("http.trusted_proxies", unreadable.what());
  }
  lay(options.client_address_header, http.client_address_header);
  try {
    http::TrustedProxies{{}, options.client_address_header};
  } catch (const std::invalid_argument& unreadable) {
    problems.add("http.client_address_header", unreadable.what());
  }
}

// Shares follow the whole where only that is given.
void lay_memory(http::MemoryLimits& memory, const file::Http& http) {
  if (http.memory_bytes) {
    lay(memory.total_bytes, http.memory_bytes);
    memory.account_bytes = memory.address_bytes = memory.total_bytes / 4;
  }
  lay(memory.account_bytes, http.memory_bytes_per_account);
  lay(memory.address_bytes, http.memory_bytes_per_address);
}

void set_internal(Settings& settings, const std::optional<std::string>& listen, std::string_view name,
                  Problems& problems) {
  if (!listen) return;
  settings.internal.emplace();
  set_address(*settings.internal, listen, name, problems);
}

// The command line names the kind, or the brokers alone.
void set_journal(Settings& settings, const std::optional<file::JournalKind>& kind,
                 const std::optional<std::string>& brokers, std::string_view name, Problems& problems) {
  if (kind == file::JournalKind::sqlite) settings.kafka.reset();
  if (kind == file::JournalKind::kafka && !settings.kafka) settings.kafka.emplace();
  if (brokers && kind == file::JournalKind::sqlite)
    problems.add(name, "is for a journal on Kafka, not for the embedded one");
  if (!brokers || kind == file::JournalKind::sqlite) return;
  if (!settings.kafka) settings.kafka.emplace();
  settings.kafka->brokers = *brokers;
}

void lay_journal(Settings& settings, const file::Journal& journal, Problems& problems) {
  set_journal(settings, journal.kind, journal.brokers, "journal.brokers", problems);
  if (settings.kafka) {
    lay(settings.kafka->topic_prefix, journal.topic_prefix);
    lay(settings.kafka->properties, journal.properties);
    lay(settings.kafka->stats_interval, journal.stats_interval_ms);
  }
  lay(settings.node.writer.max_in_flight, journal.max_in_flight);
  lay(settings.node.writer.max_waiting, journal.max_waiting);
  lay(settings.node.writer.max_batches_in_flight, journal.max_batches_in_flight);
  lay(settings.node.writer.max_cached_aggregates, journal.max_cached_aggregates);
  lay(settings.node.max_projection_backlog, journal.max_projection_backlog);
  lay(settings.journal.max_group_records, journal.max_group_records);
  lay(settings.journal.max_group_bytes, journal.max_group_bytes);
  lay(settings.journal.max_queued_bytes, journal.max_queued_bytes);
  lay(settings.journal.tail_records, journal.tail_records);
  lay(settings.journal.tail_bytes, journal.tail_bytes);
  lay(settings.journal.checkpoint_pages, journal.checkpoint_pages);
}

std::string_view name_of(file::LogLevel level) {
  for (const auto& each : journal::codec::detail::kEnumerators<file::LogLevel>)
    if (each.value == level) return each.name;
  return "info";
}

void lay_log(Settings& settings, const file::Log& log) {
  if (log.level) settings.log.level = name_of(*log.level);
  lay(settings.log.file, log.file);
  if (log.access_file) settings.access_log = std::filesystem::path(*log.access_file);
  lay(settings.access_queue_bytes, log.access_queue_bytes);
  lay(settings.log.limits.max_bytes, log.max_file_bytes);
  lay(settings.log.limits.old_files, log.old_files);
}

void lay_limits(RateLimitSettings& limits, const file::RateLimits& file, Problems& problems) {
  lay(limits.key_per_minute, file.key_per_minute);
  lay(limits.account_per_minute, file.account_per_minute);
  lay(limits.address_per_minute, file.address_per_minute);
  lay(limits.journal_bytes_per_day, file.journal_bytes_per_day);
  if (!file.accounts) return;
  for (const auto& [account, own] : *file.accounts) {
    if (!domain::is_id(account, "org_"))
      problems.add("rate_limits.groundtruth.accounts", "'" + account + "' is not the id of an organization");
    auto& limit = limits.accounts[account] = {limits.key_per_minute, limits.account_per_minute,
                                              limits.journal_bytes_per_day};
    lay(limit.journal_bytes_per_day, own.journal_bytes_per_day);
    lay(limit.key_per_minute, own.key_per_minute);
    lay(limit.account_per_minute, own.account_per_minute);
  }
}

void lay_workers(Settings& settings, const file::Config& config) {
  auto& workers = settings.workers;
  if (config.rate_limits && config.rate_limits->worker) {
    lay(workers.worker_per_minute, config.rate_limits->worker->worker_per_minute);
    lay(workers.address_per_minute, config.rate_limits->worker->address_per_minute);
    lay(workers.logins_per_minute, config.rate_limits->worker->logins_per_minute);
    lay(workers.journal_bytes_per_day, config.rate_limits->worker->journal_bytes_per_day);
    lay(workers.address_journal_bytes_per_day, config.rate_limits->worker->address_journal_bytes_per_day);
    lay(workers.mails_per_hour, config.rate_limits->worker->mails_per_hour);
    lay(workers.mails_per_hour_to_mailbox, config.rate_limits->worker->mails_per_hour_to_mailbox);
    lay(workers.mailbox_per_hour, config.rate_limits->worker->mailbox_per_hour);
    lay(workers.mail_domain_per_hour, config.rate_limits->worker->mail_domain_per_hour);
    lay(workers.account_logins_per_minute, config.rate_limits->worker->account_logins_per_minute);
  }
  if (config.hosts) lay(settings.worker_hosts, config.hosts->worker);
  if (!config.workers) return;
  if (config.workers->lease_minutes)
    workers.lease = std::chrono::minutes(config.workers->lease_minutes->value);
  lay(workers.lease_rules.max_leases, config.workers->max_leases);
  lay(workers.lease_rules.free_ends, config.workers->free_lease_ends);
  if (config.workers->lease_wait_seconds)
    workers.lease_rules.wait_ms = 1'000 * config.workers->lease_wait_seconds->value;
  if (config.workers->max_lease_wait_seconds)
    workers.lease_rules.max_wait_ms = 1'000 * config.workers->max_lease_wait_seconds->value;
  lay(workers.max_upload_bytes, config.workers->max_upload_bytes);
  lay(workers.max_lease_upload_bytes, config.workers->max_lease_upload_bytes);
  workers.max_lease_upload_bytes = std::max(workers.max_lease_upload_bytes, workers.max_upload_bytes);
  lay(workers.max_daily_upload_bytes, config.workers->max_daily_upload_bytes);
  workers.max_daily_upload_bytes = std::max(workers.max_daily_upload_bytes, workers.max_upload_bytes);
  lay(workers.max_lease_uploads, config.workers->max_lease_uploads);
  lay(workers.max_running_uploads, config.workers->max_running_uploads);
  if (config.workers->upload_seconds)
    workers.upload_lifetime = std::chrono::seconds(config.workers->upload_seconds->value);
  if (config.workers->upload_grace_seconds)
    workers.upload_grace = std::chrono::seconds(config.workers->upload_grace_seconds->value);
  lay(workers.password_threads, config.workers->password_threads);
}

// A line in a file of its own, so that the configuration holds no secret.
std::string read_secret(const std::string& file, std::string_view name, Problems& problems) {
  auto secret = read_file(file);
  if (!secret) problems.add(name, "there is no file " + file);
  while (secret && secret->ends_with('\n')) secret->pop_back();
  return secret.value_or("");
}

void set_mail(Settings& settings, const file::Mail& mail, Problems& problems) {
  auto& smtp = settings.mail.emplace();
  if (!mail.url) problems.add("mail.url", "is required: smtp://HOST:PORT or smtps://HOST:PORT");
  if (!mail.from) problems.add("mail.from", "is required: the address that mails come from");
  lay(smtp.url, mail.url);
  lay(smtp.user, mail.user);
  lay(smtp.ca_file, mail.ca_file);
  lay(smtp.from.address, mail.from);
  lay(smtp.from.name, mail.from_name);
  if (mail.give_up_hours) settings.mail_give_up = std::chrono::hours(mail.give_up_hours->value);
  if (mail.starttls) smtp.starttls = static_cast<adapters::StartTls>(*mail.starttls);
  if (mail.password_file) smtp.password = read_secret(*mail.password_file, "mail.password_file", problems);
}

void set_s3(Settings& settings, const file::S3& s3, Problems& problems) {
  auto& options = settings.s3.emplace();
  const auto required = [&](std::string& target, const std::optional<std::string>& given,
                            std::string_view name) {
    if (!given) problems.add("media.s3." + std::string(name), "is required");
    lay(target, given);
  };
  required(options.endpoint, s3.endpoint, "endpoint");
  required(options.bucket, s3.bucket, "bucket");
  required(options.access_key_id, s3.access_key_id, "access_key_id");
  std::string secret_file;
  required(secret_file, s3.secret_access_key_file, "secret_access_key_file");
  if (!secret_file.empty())
    options.secret_access_key = read_secret(secret_file, "media.s3.secret_access_key_file", problems);
  lay(options.region, s3.region);
  lay(options.key_prefix, s3.key_prefix);
  lay(options.ca_file, s3.ca_file);
  lay(options.path_style, s3.path_style);
  lay(options.server_checks_sha256, s3.server_checks_sha256);
}

void lay_file(Settings& settings, const file::Config& config, Problems& problems) {
  set_address(settings.listen, config.listen, "listen", problems);
  set_address(settings.ops, config.ops, "ops", problems);
  if (config.data) settings.data = *config.data;
  set_roles(settings, config.roles, "roles", problems);
  set_public_url(settings, config.public_url, problems);
  lay(settings.http.io_threads, config.io_threads);
  if (config.rate_limits && config.rate_limits->groundtruth)
    lay_limits(settings.groundtruth_limits, *config.rate_limits->groundtruth, problems);
  if (config.hosts) lay(settings.groundtruth_hosts, config.hosts->groundtruth);
  if (config.http) lay_http(settings.http, *config.http, problems);
  if (config.http) lay(settings.drain_delay, config.http->drain_delay_ms);
  if (config.http) lay_memory(settings.memory, *config.http);
  if (config.internal) {
    set_internal(settings, config.internal->listen, "internal.listen", problems);
    lay(settings.internal_advertised, config.internal->advertise);
  }
  lay(settings.http.cors_origins, config.cors_origins);
  if (config.payments && config.payments->checkout_minutes)
    settings.checkout = std::chrono::minutes(config.payments->checkout_minutes->value);
  if (config.payments) lay(settings.max_unpaid_tasks, config.payments->max_unpaid_tasks);
  if (config.payments && config.payments->provider) {
    settings.payments_provider = *config.payments->provider;
    problems.add("payments.provider",
                 "'" + settings.payments_provider +
                     "' is not a provider that this version knows; leave it out, or serve with "
                     "--dev for a local checkout page");
  }
  if (config.mail) set_mail(settings, *config.mail, problems);
  if (config.media && config.media->s3) set_s3(settings, *config.media->s3, problems);
  if (config.media && config.media->folder) settings.media_folder = *config.media->folder;
  if (settings.s3 && !settings.media_folder.empty())
    problems.add("media.folder", "is for media in a folder, and media.s3 is set");
  lay_workers(settings, config);
  if (config.log) lay_log(settings, *config.log);
  if (config.journal) lay_journal(settings, *config.journal, problems);
  if (config.read_models) {
    lay(settings.read_models.max_batch_commits, config.read_models->max_batch_commits);
    lay(settings.read_models.max_readers, config.read_models->max_readers);
    lay(settings.read_models.task_cache_bytes, config.read_models->task_cache_bytes);
  }
  if (config.keys) {
    lay(settings.bcrypt_threads, config.keys->bcrypt_threads);
    lay(settings.bcrypt_max_waiting, config.keys->bcrypt_max_waiting);
  }
}

}  // namespace

Settings resolve_settings(const std::optional<std::string>& file_text, const std::string& file_name,
                          const CommandLine& line) {
  Settings settings;
  if (file_text) {
    Problems problems(file_name);
    lay_file(settings, decode(*file_text, file_name), problems);
    problems.throw_if_any(kSchemaAdvice);
  }
  Problems problems("command line");
  set_address(settings.listen, line.listen, "--listen", problems);
  set_address(settings.ops, line.ops, "--ops", problems);
  if (line.data) settings.data = *line.data;
  set_roles(settings, line.roles, "--roles", problems);
  std::optional<file::JournalKind> kind;
  if (line.journal == "sqlite") kind = file::JournalKind::sqlite;
  if (line.journal == "kafka") kind = file::JournalKind::kafka;
  if (line.journal && !kind) problems.add("--journal", "'" + *line.journal + "' is neither sqlite nor kafka");
  set_journal(settings, kind, line.brokers, "--brokers", problems);
  if (settings.kafka && settings.kafka->brokers.empty())
    problems.add("--brokers", "is needed for a journal on Kafka: HOST:PORT, separated by commas");
  set_internal(settings, line.internal, "--internal", problems);
  if (settings.internal && !settings.kafka)
    problems.add("--internal", "is for a journal on Kafka: the embedded one has a single node");
  if (settings.internal && settings.internal_advertised.empty() && is_every_interface(*settings.internal))
    problems.add("--internal",
                 "other nodes cannot be told 'every interface': set internal.advertise, or "
                 "listen on one address");
  problems.throw_if_any("See `groundtruth serve --help`.");
  settings.dev = line.dev;
  settings.enforce_rate_limits = !line.no_rate_limits;
  settings.http.address = settings.listen.host;
  settings.http.port = settings.listen.port;
  return settings;
}

Settings load_settings(const std::optional<std::filesystem::path>& file, const CommandLine& line) {
  if (!file) return resolve_settings(std::nullopt, "", line);
  std::optional<std::string> text;
  try {
    text = read_file(*file);
  } catch (const std::system_error& error) {
    throw CommandError(ExitCode::usage, std::string("cannot read the configuration: ") + error.what());
  }
  if (!text) throw CommandError(ExitCode::usage, "there is no configuration file " + file->string());
  return resolve_settings(text, file->string(), line);
}

}  // namespace groundtruth::app
