#include "plane/cloudwatch/metric.h"

#include "base/must.h"
#include "model/interpret.h"

void metric_publish(struct transaction *tx, struct str account, struct str region, struct str namespace,
                    const struct cloudwatch_metric_data *data)
{
    struct published_metrics published = {
        .account_id = account, .region = region, .namespace = namespace, .metric_data = *data};
    auto_buf bytes = {.ptr = NULL};

    SET(&published, published_at, tx->now_ms);
    value_encode(&published_metrics_shape, &published, &bytes);
    must(!bytes.overflowed);
    transaction_effect(tx, METRIC_PUBLISH_EFFECT, KEY(tx->arena, account, region), buf_str(&bytes));
}
