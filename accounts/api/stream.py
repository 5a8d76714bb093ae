"""`GET /api/v1/events/stream`: the feed as server-sent events, from a process of its own (`manage.py stream`).

A stream is a reader of the feed that remembers the last event it wrote: what it sends next is always asked of the feed
after that one, so nothing is missed and nothing comes twice, also across a reconnect. One loop looks whose feed has
grown and wakes their streams. No events are queued here: a stream asks for the next page when the last one is written,
and who does not read for `patience` seconds is cut off, to go on later with Last-Event-ID.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.http import HttpRequest, HttpResponse

from accounts import feed
from accounts.api import admission
from accounts.api.admission import Admission
from accounts.notifying import envelope
from agora.lib import log
from agora.lib.api import problem
from agora.lib.api.views import InternalError
from agora.lib.errors import AgoraError
from agora.lib.ratelimit import RateLimited

logger = log.get(__name__)

T = TypeVar("T")

PATH = "/api/v1/events/stream"
PAGE = 100  # events read and written at once
THREADS = 8  # and as many database connections
STREAMS_EACH = 4  # of a customer, in this process
STREAMS = 500  # in this process, those that are asking for admission included
RECONNECT_MS = 2000  # what a browser's EventSource waits
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx: pass each event on at once
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds."""

    look: float = 0.5  # between two looks for news
    heartbeat: float = 15.0  # of silence, then a comment
    recheck: float = 30.0  # between two looks at the credential
    patience: float = 10.0  # for a client that does not read


@dataclass(eq=False, slots=True)
class _Stream:
    admitted: Admission
    request: HttpRequest  # as it came: the credential is looked at again
    after: UUID | None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Streams:
    """All streams of this process. `app()` is what an aiohttp runner serves, with `handler_cancellation`."""

    def __init__(self, pace: Pace = Pace()) -> None:
        self._pace = pace
        self._open: set[_Stream] = set()
        self._present = 0
        self._stopping = False
        self._seen = 0  # the feed's position up to which streams were woken
        self._connections: list[Any] = []
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="feed", initializer=self._enter_thread)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", PATH, self._serve)
        app.cleanup_ctx.append(self._running)
        app.on_shutdown.append(self._stop)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        asked = _django(request)
        if self._present >= STREAMS:
            return _refuse(_too_many(f"At most {STREAMS} streams are served here at once."), asked)
        self._present += 1
        try:
            return await self._admit(request, asked)
        finally:
            self._present -= 1

    async def _admit(self, request: web.Request, asked: HttpRequest) -> web.StreamResponse:
        try:
            admitted, answer = await self._in_thread(lambda: admission.ask(asked))
        except Exception:
            logger.exception("stream not opened")
            return _refuse(InternalError("It is not your request's fault. Send the same request again soon."), asked)
        if admitted is None:
            return _relay(answer)
        mine = sum(other.admitted.customer.pk == admitted.customer.pk for other in self._open)
        if mine >= STREAMS_EACH:  # nothing is awaited between this count and `add`
            return _refuse(_too_many(f"A customer has at most {STREAMS_EACH} streams at once. End one first."), asked)
        stream = _Stream(admitted, asked, admitted.after)
        self._open.add(stream)
        try:
            return await self._send(stream, request, answer)
        finally:
            self._open.discard(stream)

    async def _send(self, stream: _Stream, request: web.Request, answer: HttpResponse) -> web.StreamResponse:
        response = web.StreamResponse(headers={**HEADERS, "X-Request-Id": answer["X-Request-Id"]})
        customer = str(stream.admitted.customer.pk)
        logger.info("stream opened", customer=customer, after=str(stream.after or ""))
        try:
            await response.prepare(request)
            await self._write(response, f"retry: {RECONNECT_MS}\n\n".encode())
            await self._follow(stream, response)
        except TimeoutError:
            logger.info("stream cut off: the client does not read", customer=customer)
            if request.transport:
                request.transport.abort()
        except DatabaseError as trouble:
            logger.warning("stream ended", customer=customer, kind="database", detail=str(trouble))
        except ConnectionError:
            logger.info("stream left", customer=customer)
        return response

    async def _follow(self, stream: _Stream, response: web.StreamResponse) -> None:
        """Until we stop or the credential ends."""
        clock = asyncio.get_running_loop().time
        checked = clock()
        while not self._stopping:
            if clock() - checked >= self._pace.recheck:
                if not await self._in_thread(lambda: _is_still_good(stream)):
                    await self._write(response, b": the credential has ended\n\n")
                    return
                checked = clock()
            stream.wake.clear()  # before the look: what comes after it wakes us again
            events = await self._in_thread(lambda: _page(stream))
            if events:
                await self._write(response, b"".join(map(_text, events)))
                stream.after = events[-1].event_id
            if len(events) < PAGE and not await self._news(stream):
                await self._write(response, b": still here\n\n")

    async def _news(self, stream: _Stream) -> bool:
        """Wait for some; False after a heartbeat of silence, or when the credential is to be looked at."""
        try:
            async with asyncio.timeout(min(self._pace.heartbeat, self._pace.recheck)):
                return await stream.wake.wait()
        except TimeoutError:
            return False

    async def _write(self, response: web.StreamResponse, content: bytes) -> None:
        """Raises TimeoutError when the client leaves too much unread for too long."""
        async with asyncio.timeout(self._pace.patience):
            await response.write(content)

    async def _running(self, _: web.Application) -> AsyncIterator[None]:
        # Before the first stream is admitted: whatever is numbered after a stream's first look is news.
        self._seen = await self._in_thread(feed.newest_position)
        looking = asyncio.create_task(self._look_for_news())
        yield
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        await asyncio.to_thread(self._close)  # Django touches no connection where an event loop runs

    async def _look_for_news(self) -> None:
        while True:
            try:
                news = await self._in_thread(lambda: feed.news_since(position=self._seen))
            except DatabaseError as trouble:
                logger.warning("no look for news", kind="database", detail=str(trouble))
                news = {}
            # Everybody's, not only those who are listening: one who came during the query is woken, too.
            self._seen = max([self._seen, *news.values()])
            for stream in self._open:
                if stream.admitted.customer.pk in news:
                    stream.wake.set()
            await asyncio.sleep(self._pace.look)

    async def _stop(self, _: web.Application) -> None:
        self._stopping = True
        for stream in self._open:
            stream.wake.set()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def call() -> T:
            close_old_connections()
            try:
                return work()
            except DatabaseError:
                close_old_connections()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _enter_thread(self) -> None:
        connection = connections["default"]
        connection.inc_thread_sharing()  # closed by the thread that stops us, when this one has ended
        self._connections.append(connection)

    def _close(self) -> None:
        self._threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()


def _page(stream: _Stream) -> list[Any]:
    admitted = stream.admitted
    return feed.events_after(customer=admitted.customer, after=stream.after, types=admitted.types, limit=PAGE)


def _is_still_good(stream: _Stream) -> bool:
    return admission.ask(stream.request, again=True)[0] is not None


def _text(event: Any) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html. The data is one line: JSON escapes line ends."""
    head = f"id: {event.event_id}\nevent: {event.type}\ndata: ".encode()
    return head + envelope.body(feed.wire(event)) + b"\n\n"


def _django(request: web.Request) -> HttpRequest:
    given = request.headers
    return admission.as_request(
        method=request.method,
        path=request.path,
        query=request.query_string,
        peer=request.remote or "",
        headers={name: ", ".join(given.getall(name)) for name in admission.HEADERS if name in given},
    )


def _too_many(detail: str) -> RateLimited:
    error = RateLimited(detail)
    error.retry_after = 15
    return error


def _refuse(error: AgoraError, asked: HttpRequest) -> web.Response:
    answer = problem.plain(error, asked)
    answer["Cache-Control"] = "no-store"
    return _relay(answer)


def _relay(answer: HttpResponse) -> web.Response:
    return web.Response(status=answer.status_code, body=answer.content, headers=dict(answer.items()))
