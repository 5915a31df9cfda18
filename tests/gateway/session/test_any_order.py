"""Whatever happens, in whatever order: what must hold of every call."""

from typing import get_args
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import ms, samples
from gateway.session.playout import FRAME_LEAD, LEAD, REST
from gateway.session.rules import Rules, Traits
from tests.gateway.session.driver import Call, replayed, spoken

RULES = st.builds(
    Rules,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    greeting=st.sampled_from(["", "hello"]),
    silence=st.sampled_from([0, samples(2000)]),
    still_there=st.just(("still there",)),
)
TRAITS = st.builds(Traits, hears=st.booleans(), holds=st.booleans())
SCRIPTS = st.fixed_dictionaries(
    {
        "transcript": st.sampled_from([60, 60, None]),
        "bridge": st.sampled_from([10, 400, None]),
        "engine": st.sampled_from([80, 80, None]),
    }
)
"""Whether the others do what they ought to by themselves; what the steps have them do comes on top."""
TEXTS = st.sampled_from(["", "mhm", "stop", "yes", "remind me in", "what time is it", "tell me a long story"])
PAUSES = st.sampled_from([100, 300, 600, 900, 1500, 3000])

Steps = list[tuple[str, object]]
Scripted = dict[str, int | None]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 3000)),
        # By chance alone hardly anybody would ever be heard out; these say what they say, and leave time behind it.
        st.tuples(st.just("says"), st.tuples(TEXTS, PAUSES)),
        st.tuples(st.just("says"), st.tuples(st.just("what time is it"), PAUSES)),
        st.tuples(st.just("speaks over"), st.tuples(TEXTS, PAUSES)),
        st.tuples(st.just("hums"), PAUSES),
        st.tuples(st.just("voice"), st.integers(-60, 300)),
        st.tuples(st.just("voice ends"), st.integers(-60, 300)),
        st.tuples(st.just("echo"), st.integers(0, 500)),
        st.tuples(st.just("words"), TEXTS),
        st.tuples(st.just("transcript"), TEXTS),
        st.tuples(st.just("types"), TEXTS),
        st.tuples(st.sampled_from(["asks", "commits", "clears", "cancels", "hushes", "comes"]), st.just(0)),
        st.tuples(st.just("rules"), st.tuples(*[st.none() | st.booleans()] * 3)),
        st.tuples(st.just("mind"), st.integers(0, 3)),
        st.tuples(st.just("settled"), st.integers(0, 3)),
        st.tuples(st.just("deed"), st.integers(0, 3)),
        st.tuples(
            st.just("inject"),
            st.tuples(st.integers(0, 3), st.integers(0, 2), st.none() | st.integers(0, 2000), st.booleans()),
        ),
        st.tuples(st.just("talks"), TEXTS),
        st.tuples(st.just("opens"), st.integers(0, 4)),
        st.tuples(st.just("sound"), TEXTS),
        st.tuples(st.sampled_from(["finishes", "fails"]), st.integers(0, 2)),
        st.tuples(st.just("played"), st.tuples(st.integers(0, 2), st.integers(-100, 4000))),
        st.tuples(st.just("drops"), st.tuples(st.integers(0, 2), st.integers(0, 4000), st.integers(0, 4000))),
        st.tuples(st.just("lost"), st.just(0)),
        st.tuples(st.just("back"), st.none() | st.lists(st.integers(0, 5000), max_size=3)),
    ),
    min_size=12,
    max_size=60,
)
"""What happens, and with what. Numbers pick one of the last turns; transcripts come asked for or not."""


FULL: Steps = [
    ("asks", 0),
    ("says", ("what time is it", 900)),
    ("says", ("tell me a long story", 3000)),
    ("inject", (0, 0, None, False)),
    ("wait", 3000),
    ("played", (0, 100)),
    ("says", ("what time is it", 1500)),
    ("hums", 3000),
    ("says", ("what time is it", 1500)),
    ("says", ("tell me a long story", 300)),
]
"""A call in which everything occurs."""


class Chaos:
    """Feeds a call with steps in any order; keeps what was told and what left."""

    def __init__(self, rules: Rules, traits: Traits, script: Scripted) -> None:
        self.call = Call(rules=rules, traits=traits, **script)
        self.user_turns = [self.call.new_id()]
        self.agent_turns = [self.call.new_id()]

    def run(self, steps: Steps, end: bool = True) -> Call:
        call = self.call
        for name, value in steps:
            if name == "wait":
                assert isinstance(value, int)
                call.until(call.time + value)
            else:
                self._step(name, value)
            self.user_turns += [t.turn_id for t in call.told(do.UserTurnEnded)[len(self.user_turns) - 1 :]]
            self.agent_turns += [t.turn_id for t in call.told(do.AgentStarted)[len(self.agent_turns) - 1 :]]
        return call.end() if end else call

    def _step(self, name: str, value: object) -> None:
        now = samples(self.call.time)
        make = getattr(self, "_" + name.replace(" ", "_"))
        event = make(now, value)
        if event is not None:
            self.call.feed(event)

    def _says(self, now: int, what: tuple[str, int]) -> on.Event:
        text, pause = what
        self.call.until(self.call.says(text or "hello there", at=self.call.time) + pause)
        return on.Tick(samples(self.call.time))

    def _speaks_over(self, now: int, what: tuple[str, int]) -> on.Event:
        self._talks(now, "and so on and on")
        self.call.until(self.call.time + 300)
        return self._says(now, what)

    def _hums(self, now: int, pause: int) -> on.Event:
        self.call.until(self.call.sounds(self.call.time, lasts=300) + pause)
        return on.Tick(samples(self.call.time))

    def _voice(self, now: int, ago: int) -> on.Event:
        return on.SpeechStarted(now, max(0, now - samples(ago)))

    def _voice_ends(self, now: int, ago: int) -> on.Event:
        return on.SpeechStopped(now, max(0, now - samples(ago)))

    def _echo(self, now: int, ago: int) -> on.Event:
        return on.EchoFound(now, now - samples(ago))

    def _words(self, now: int, text: str) -> on.Event:
        return on.WordsHeard(now, text)

    def _transcript(self, now: int, text: str) -> on.Event:
        return on.TranscriptReady(now, text, (), 0.5, "en")

    def _types(self, now: int, text: str) -> on.Event:
        return on.TextGiven(now, self.call.new_id(), text or "hello")

    def _asks(self, now: int, _: int) -> on.Event:
        return on.AnswerAsked(now)

    def _commits(self, now: int, _: int) -> on.Event:
        return on.InputCommitted(now)

    def _clears(self, now: int, _: int) -> on.Event:
        return on.InputCleared(now)

    def _cancels(self, now: int, _: int) -> on.Event:
        return on.CancelAsked(now)

    def _hushes(self, now: int, _: int) -> on.Event:
        return on.HushAsked(now)

    def _comes(self, now: int, _: int) -> on.Event:
        return on.ClientCame(now)

    def _deed(self, now: int, back: int) -> on.Event:
        return on.DeedBegan(now, self._last(self.user_turns, back))

    def _rules(self, now: int, changes: tuple[bool | None, bool | None, bool | None]) -> on.Event:
        return on.RulesChanged(now, *changes)

    def _mind(self, now: int, back: int) -> on.Event:
        return on.MindAsked(now, self._last(self.user_turns, back))

    def _settled(self, now: int, back: int) -> on.Event:
        return on.Settled(now, self._last(self.user_turns, back))

    def _inject(self, now: int, asked: tuple[int, int, int | None, bool]) -> on.Event:
        back, priority, expires, interrupt = asked
        turn_id = self._last(self.user_turns, back) if back else None
        expires_at = None if expires is None else now + samples(expires)
        return on.InjectionAsked(
            now,
            self.call.new_id(),
            "Your tea is ready.",
            "say",
            turn_id,
            None,
            priority,
            expires_at,
            interrupt,
        )

    def _talks(self, now: int, text: str) -> on.Event:
        """Have the agent in mid-sentence, where it may speak at all."""
        self.call.feed(on.InjectionAsked(now, self.call.new_id(), "and so on", "say"))
        if turn := self.call.session.agent.turn:
            self.call.push(turn.turn_id, *spoken(f"and so on and so on {text}"))
        return on.Tick(now)

    def _opens(self, now: int, back: int) -> on.Event | None:
        if not self.call.session.traits.hears:
            return None
        return on.AgentOpened(now, self._last(self.agent_turns, back) if back else self.call.new_id())

    def _sound(self, now: int, text: str) -> on.Event:
        pcm, words = spoken(text)
        self.call.push(self.agent_turns[-1], pcm, words)
        return on.Tick(now)

    def _finishes(self, now: int, back: int) -> on.Event:
        return on.AgentFinished(now, self._last(self.agent_turns, back))

    def _fails(self, now: int, back: int) -> on.Event:
        return on.AgentFailed(now, self._last(self.agent_turns, back), "broken", "it broke")

    def _played(self, now: int, report: tuple[int, int]) -> on.Event:
        back, heard = report
        return on.PlaybackReported(now, self._last(self.agent_turns, back), heard * samples(1))

    def _drops(self, now: int, what: tuple[int, int, int]) -> on.Event:
        back, start, length = what
        turn_id = self._last(self.agent_turns, back)
        return on.SoundDropped(now, turn_id, samples(start), samples(start + length))

    def _lost(self, now: int, _: int) -> on.Event:
        return on.ClientLost(now)

    def _back(self, now: int, missing: list[int] | None) -> on.Event:
        """The client is there, and of the last turns so many ms are missing, the newest first."""
        if missing is None:
            return on.ClientBack(now, None)
        turns = self.agent_turns[: -1 - len(missing) : -1]
        ends = [
            max([p.end for _, p in self.call.sent if p.turn_id == turn_id], default=0) for turn_id in turns
        ]
        arrived = zip(turns, ends, missing, strict=False)
        return on.ClientBack(now, tuple(on.Arrived(t, max(0, end - samples(ms))) for t, end, ms in arrived))

    @staticmethod
    def _last(turns: list[UUID], back: int) -> UUID:
        return turns[-1 - min(back, len(turns) - 1)]


def check(call: Call, rules: Rules) -> None:
    """What must hold of every call that has ended."""
    one_agent_turn_at_a_time(call)
    ducking_ends(call)
    injections_get_somewhere(call)
    user_turns_are_told_in_order(call)
    a_turn_by_itself_stays_one(call)
    what_is_withdrawn_comes_again(call, rules)
    facts_are_about_known_turns(call)
    nobody_heard_what_was_not_sent(call)
    sound_is_paced(call)
    nothing_is_said_to_nobody(call)
    holding_alternates(call)


def one_agent_turn_at_a_time(call: Call) -> None:
    speaking: UUID | None = None
    opened: set[UUID] = set()
    for _, effect in call.log:
        match effect:
            case do.AgentStarted(turn_id):
                assert speaking is None
                assert turn_id not in opened, "a turn starts once"
                opened.add(turn_id)
                speaking = turn_id
            case do.AgentSounded(turn_id) | do.Ducked(_, turn_id) | do.Unducked(_, turn_id):
                assert turn_id == speaking
            case do.Answer(turn_id) | do.Speak(turn_id):
                assert turn_id == speaking
            case do.AgentEnded(turn_id):
                assert turn_id == speaking, "a turn that starts ends exactly once"
                speaking = None
            case _:
                pass
    assert speaking is None


def ducking_ends(call: Call) -> None:
    ducked = False
    for _, effect in call.log:
        match effect:
            case do.Ducked():
                assert not ducked
                ducked = True
            case do.Unducked():
                assert ducked
                ducked = False
            case do.AgentEnded():
                ducked = False
            case _:
                pass
    assert not ducked


def injections_get_somewhere(call: Call) -> None:
    asked = {event.injection_id for event in call.tape if isinstance(event, on.InjectionAsked)}
    for injection_id in asked:
        states = call.injection(injection_id)
        assert states[-1] in ("heard", "cut", "dropped")
        assert states[0] in ("waiting", "dropped")
        assert states.count("speaking") <= 1
        assert ("speaking" in states) == (states[-1] != "dropped")


def user_turns_are_told_in_order(call: Call) -> None:
    cleared = sum(isinstance(event, on.InputCleared) for event in call.tape)
    states: dict[UUID, list[str]] = {}
    for _, effect in call.log:
        if isinstance(effect, do.UserStarted | do.UserStopped | do.UserTurnEnded):
            breath = effect.breath_id if isinstance(effect, do.UserTurnEnded) else effect.turn_id
            states.setdefault(breath, []).append(type(effect).__name__)
    for told in states.values():
        assert told in (
            ["UserStarted", "UserStopped", "UserTurnEnded"],
            ["UserStopped", "UserTurnEnded"],
            ["UserTurnEnded"],
            ["UserStarted"],
        )
    assert sum(told == ["UserStarted"] for told in states.values()) <= cleared
    for turn in call.told(do.UserTurnEnded):
        assert turn.start <= turn.end


def a_turn_by_itself_stays_one(call: Call) -> None:
    begun = {started.turn_id for started in call.told(do.UserStarted) if started.may_continue is None}
    for turn in call.told(do.UserTurnEnded):
        assert turn.breath_id not in begun or turn.turn_id == turn.breath_id, "its row would stay empty"


def what_is_withdrawn_comes_again(call: Call, rules: Rules) -> None:
    withdrawn: set[UUID] = set()
    wanted: UUID | None = None
    for _, effect in call.log:
        match effect:
            case do.Withdrawn(turn_id):
                assert turn_id not in withdrawn
                withdrawn.add(turn_id)
            case do.UserTurnEnded(turn_id, answered=answered):
                assert wanted is None
                wanted = turn_id if answered else None
                if not answered:
                    # Nobody asked for an answer, or the call is over.
                    withdrawn.discard(turn_id)
            case do.AnswerWanted(turn_id):
                assert wanted in (None, turn_id)
                wanted = None
                withdrawn.discard(turn_id)
            case _:
                pass
    assert wanted is None
    changes = [event.answers_by_itself for event in call.tape if isinstance(event, on.RulesChanged)]
    if rules.answers_by_itself and False not in changes:
        assert not withdrawn


def facts_are_about_known_turns(call: Call) -> None:
    agents = {started.turn_id for started in call.told(do.AgentStarted)}
    users = {turn.turn_id for turn in call.told(do.UserTurnEnded)}
    for _, effect in call.log:
        match effect:
            case do.CancelEngine(turn_id) | do.HeardCorrected(turn_id) | do.BargeIn(_, turn_id):
                assert turn_id in agents
            case do.AnswerWanted(turn_id) | do.Answer(_, turn_id):
                assert turn_id in users
            case do.Measured(turn_id=turn_id, ms=took):
                assert turn_id in agents | users
                assert took >= 0
            case _:
                pass


def nobody_heard_what_was_not_sent(call: Call) -> None:
    told: list[do.AgentEnded | do.HeardCorrected] = [*call.told(do.AgentEnded), *call.told(do.HeardCorrected)]
    for effect in told:
        sent = [piece.end for _, piece in call.sent if piece.turn_id == effect.turn_id]
        assert 0 <= effect.heard <= max(sent, default=0)


def sound_is_paced(call: Call) -> None:
    until, goes_on = 0, (UUID(int=0), 0)
    lead = FRAME_LEAD if call.session.traits.hears else LEAD
    back = [ms(event.at) for event in call.tape if isinstance(event, on.ClientBack)]
    before = 0.0
    for when, piece in call.sent:
        if any(before <= at <= when for at in back):
            # A new socket has nothing on its way yet.
            until = 0
        before = when
        if goes_on[0] == piece.turn_id and goes_on[1] != piece.start:
            # A socket that broke takes with it what was on its way.
            until = 0
        goes_on = piece.turn_id, piece.end
        until = max(until, samples(when)) + len(piece.pcm) // 2
        assert until - samples(when) <= lead + REST, "but for a bit that fades, or a rest"


def nothing_is_said_to_nobody(call: Call) -> None:
    gaps: list[tuple[int, int]] = []
    lost: int | None = None
    for event in [*call.tape, on.ClientBack(samples(call.time), None)]:
        if isinstance(event, on.ClientLost):
            lost = event.at if lost is None else lost
        elif isinstance(event, on.ClientBack) and lost is not None:
            gaps.append((lost, event.at))
            lost = None
    for when, _ in call.sent:
        assert not any(start < samples(when) < end for start, end in gaps)


def holding_alternates(call: Call) -> None:
    on_off = [hold.on for hold in call.told(do.Hold)]
    assert on_off == [i % 2 == 0 for i in range(len(on_off))]
    assert not on_off or call.session.traits.holds


def test_whatever_happens_the_call_stays_whole() -> None:
    seen: set[type[object]] = set()

    @settings(deadline=None, max_examples=300)
    @given(RULES, TRAITS, SCRIPTS, STEPS)
    @example(Rules(), Traits(holds=True), {"bridge": 10}, FULL)
    def stays_whole(rules: Rules, traits: Traits, script: Scripted, steps: Steps) -> None:
        call = Chaos(rules, traits, script).run(steps)
        seen.update(type(effect) for _, effect in call.log)
        check(call, rules)

    stays_whole()
    # Of calls in which nothing happens everything holds. Some facts are told by the shell alone.
    by_shell = {do.EchoSuppressed, do.EngineConnected, do.EngineReplaced, do.Held}
    assert seen == set(get_args(do.Effect)) - by_shell


@settings(deadline=None, max_examples=100)
@given(RULES, TRAITS, SCRIPTS, STEPS)
def test_an_agent_gets_to_speak_again_after_whatever_happened(
    rules: Rules, traits: Traits, script: Scripted, steps: Steps
) -> None:
    quiet = [
        ("back", None),
        ("voice ends", 0),
        ("wait", 3000),
        ("transcript", ""),
        ("transcript", ""),
        ("wait", 3000),
    ]
    call = Chaos(rules, traits, script).run([*steps, *quiet], end=False)
    call.script.engine = 80
    tea = call.injects("Your tea is ready.", at=call.time, priority=9)
    # Every wait of the rules ends within: a stalled engine, a silent bridge, a lost transcript.
    call.until(call.time + 60_000)
    assert "heard" in call.injection(tea)


@settings(deadline=None, max_examples=100)
@given(RULES, TRAITS, SCRIPTS, STEPS)
def test_the_same_events_lead_to_the_same_effects(
    rules: Rules, traits: Traits, script: Scripted, steps: Steps
) -> None:
    call = Chaos(rules, traits, script).run(steps, end=False)
    assert replayed(rules, traits, call.tape) == [effect for _, effect in call.log]
