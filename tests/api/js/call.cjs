// Makes calls with the AWS SDK for JavaScript: reads a JSON array of {service, command, input} from standard input, prints
// a JSON array of {output} or {error, message, status}, in order. Instead of a command there may be a waiter, with seconds
// as `wait`, or a paginator, with a `size`, whose output is the list of its pages.
const clients = {
  cloudwatch: require("@aws-sdk/client-cloudwatch"),
  ecs: require("@aws-sdk/client-ecs"),
  ecr: require("@aws-sdk/client-ecr"),
  ec2: require("@aws-sdk/client-ec2"),
  logs: require("@aws-sdk/client-cloudwatch-logs"),
  sts: require("@aws-sdk/client-sts"),
};
const classes = { cloudwatch: "CloudWatchClient", ecs: "ECSClient", ecr: "ECRClient", ec2: "EC2Client", logs: "CloudWatchLogsClient",
  sts: "STSClient" };

async function call({ service, command, input, waiter, wait, paginator, size }) {
  const sdk = clients[service];
  const client = new sdk[classes[service]]({ maxAttempts: 1 });
  try {
    if (waiter) {
      const { state } = await sdk[waiter]({ client, maxWaitTime: wait, minDelay: 1, maxDelay: 1 }, input);
      return { output: { state } };
    }
    if (paginator) {
      const pages = [];
      for await (const { $metadata, ...page } of sdk[paginator]({ client, pageSize: size }, input)) pages.push(page);
      return { output: pages };
    }
    const { $metadata, ...output } = await client.send(new sdk[command](input));
    return { output, requestId: $metadata.requestId };
  } catch (error) {
    return { error: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
  }
}

async function main() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const answers = [];
  for (const one of JSON.parse(text)) answers.push(await call(one));
  console.log(JSON.stringify(answers));
}

main();
