// The list of coroutines that wait for a foreign thread, one list an event loop.
#include "api/http/async.hpp"

namespace groundtruth::http::detail {

class Waiter::Service final : public boost::asio::execution_context::service {
 public:
  using key_type = Service;
  inline static boost::asio::execution_context::id id;

  explicit Service(boost::asio::execution_context& context) : service(context) {}
  const std::shared_ptr<Registry>& registry() const { return registry_; }

 private:
  // Destroying a waiting handler only posts its frame to the loop's queue, which is emptied after us: no
  // foreign code runs under the lock.
  void shutdown() override {
    const std::lock_guard lock(registry_->mutex);
    while (Waiter* waiter = registry_->first) {
      waiter->unlink();
      waiter->discard();
    }
  }

  std::shared_ptr<Registry> registry_ = std::make_shared<Registry>();
};

Waiter::Waiter(boost::asio::execution_context& loop) {
  registry_ = boost::asio::use_service<Service>(loop).registry();
  const std::lock_guard lock(registry_->mutex);
  next_ = registry_->first;
  if (next_) next_->previous_ = this;
  registry_->first = this;
}

void Waiter::unlink() {
  if (next_) next_->previous_ = previous_;
  if (previous_) {
    previous_->next_ = next_;
  } else {
    registry_->first = next_;
  }
  previous_ = next_ = nullptr;
}

}  // namespace groundtruth::http::detail
