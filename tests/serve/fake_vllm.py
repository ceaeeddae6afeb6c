"""A real HTTP server that speaks as vLLM does, on top of a decoder in this process.

It refuses what vLLM refuses. What it does wrong is told by its attributes, which tests change.
"""

import base64
import io
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch

KNOWN = {
    *("model", "prompt", "prompt_embeds", "max_tokens", "temperature", "top_p", "top_k", "min_p"),
    *("repetition_penalty", "presence_penalty", "frequency_penalty", "seed", "stop_token_ids"),
    *("ignore_eos", "stream", "return_token_ids", "return_tokens_as_token_ids", "logprobs"),
    *("logit_bias", "vllm_xargs"),
}


class FakeVllm:
    """The server, which is running.

    Attributes:
        bodies: Of all completions so far.
        answers: Their token ids.
        left: Completions whose client left before the end.
        allows_embeds: As `--enable-prompt-embeds`.
        keeps_from_repeating: As the logits processor.
        max_model_len: As `--max-model-len`.
        seconds_per_token: How slow it is.
        breaks_after: Tokens of an answer before the connection breaks.
        error_after: Tokens of an answer before an error is told.
        gives_up_after: Tokens of an answer before it is aborted.
        is_healthy: What /health says.
        key: As `--api-key`.
    """

    def __init__(self, decoder):
        self.decoder = decoder
        self.bodies, self.answers, self.left = [], [], 0
        self.allows_embeds, self.keeps_from_repeating = True, True
        self.max_model_len, self.seconds_per_token = 512, 0.0
        self.breaks_after = self.error_after = self.gives_up_after = None
        self.is_healthy, self.key = True, None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path == "/health":
                    fake._answer(self, 200 if fake.is_healthy else 503, {})
                elif fake._may_enter(self):
                    model = {"id": "the-decoder", "max_model_len": fake.max_model_len}
                    fake._answer(self, 200, {"data": [model]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if fake._may_enter(self):
                    fake._complete(self, body)

        return Handler

    def _may_enter(self, handler):
        if self.key and handler.headers["authorization"] != f"Bearer {self.key}":
            self._answer(handler, 401, {"error": {"message": "Unauthorized"}})
            return False
        return True

    def _answer(self, handler, status, body):
        content = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _refuse(self, handler, message):
        self._answer(handler, 400, {"error": {"message": message}})

    def _complete(self, handler, body):
        assert not body.keys() - KNOWN, body.keys() - KNOWN
        assert body["model"] == "the-decoder"
        assert "logprobs" not in body or body["return_tokens_as_token_ids"]
        self.bodies.append(body)
        table = self.decoder.get_input_embeddings()
        if "prompt" in body:
            embeds = table(torch.tensor(body["prompt"]))
        else:
            if not self.allows_embeds:
                return self._refuse(handler, "You must set `--enable-prompt-embeds`")
            content = io.BytesIO(base64.b64decode(body["prompt_embeds"]))
            embeds = torch.load(content, weights_only=True)
            if embeds.shape[1] != table.embedding_dim:
                return self._refuse(handler, "`prompt_embeds` hidden_size does not match")
        if embeds.shape[0] + body["max_tokens"] > self.max_model_len:
            return self._refuse(handler, "too long")
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        try:
            self._write(handler, body, embeds)
        except (BrokenPipeError, ConnectionResetError):
            self.left += 1
        return None

    def _write(self, handler, body, embeds):
        written = []
        self.answers.append(written)
        for token, chance in self._tokens(body, embeds, written):
            time.sleep(self.seconds_per_token)
            if len(written) == self.breaks_after:
                return
            if len(written) == self.error_after:
                self._send(handler, {"error": {"message": "EngineDeadError"}})
                return
            written.append(token)
            ended = "length" if len(written) == body["max_tokens"] else None
            ended = "stop" if token in body["stop_token_ids"] else ended
            ended = "abort" if len(written) == self.gives_up_after else ended
            choice = {"index": 0, "text": "", "token_ids": [token], "finish_reason": ended}
            if "logprobs" in body:
                choice["logprobs"] = {"token_logprobs": [chance]}
            self._send(handler, {"choices": [choice]})
            if ended:
                break
        handler.wfile.write(b"data: [DONE]\n\n")

    def _send(self, handler, event):
        handler.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        handler.wfile.flush()

    @torch.no_grad()
    def _tokens(self, body, embeds, written):
        generator = torch.Generator().manual_seed(body.get("seed", 0))
        size = body.get("vllm_xargs", {}).get("ngram_size") if self.keeps_from_repeating else None
        embeds = embeds[None].float()
        while True:
            scores = self.decoder(inputs_embeds=embeds).logits[0, -1]
            for token, more in body.get("logit_bias", {}).items():
                scores[int(token)] += more
            for start in range(len(written) - size + 1) if size else ():
                run = written[start : start + size]
                if run[:-1] == written[len(written) - size + 1 :]:
                    scores[run[-1]] = -torch.inf
            chances = scores.log_softmax(-1)
            if body["temperature"]:
                drawn = (scores / body["temperature"]).softmax(-1)
                token = int(torch.multinomial(drawn, 1, generator=generator))
            else:
                token = int(scores.argmax())
            yield token, float(chances[token])
            embeds = torch.cat(
                [embeds, self.decoder.get_input_embeddings()(torch.tensor([[token]]))], dim=1
            )
