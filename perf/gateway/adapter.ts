/**
 * The outside adapter of the benchmark: a PowerstripProtocol 1 pre-hook as somebody would write it in Node
 * without any kit. It parses the message and the container in it, adds a label and answers.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const server = http.createServer(async (request, response) => {
  const message = JSON.parse(Buffer.concat(await request.toArray()).toString());
  const { Method, Request, Body } = message.ClientRequest;
  const container = JSON.parse(Body);
  container.Labels = { ...container.Labels, 'gantry.benchmark': 'yes' };
  const ModifiedClientRequest = { Method, Request, Body: JSON.stringify(container) };
  const answer = JSON.stringify({ PowerstripProtocolVersion: 1, ModifiedClientRequest });
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(answer),
  });
  response.end(answer);
});

server.listen(0, '127.0.0.1', () => {
  console.log(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}/gantry-benchmark`);
});
