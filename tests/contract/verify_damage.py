"""One way to break each promise, and all the codes under which it is found.

Each does one thing to the eventful database and names its victim. Rows are sealed: the chain is whole again after
it, so that what is found is found for what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from lifecycle.store import schema
from tests.contract.verify_vandal import Vandal
from tests.unit.machine_world import at, utc

SECOND = timedelta(seconds=1)


def renumber(vandal: Vandal) -> str:
    """Row 2 is called row 3."""
    vandal.change(schema.log, {"root_id": vandal.id("lapsed_lease"), "seq": 2}, seq=3)
    vandal.seal("lapsed_lease")
    vandal.root("lapsed_lease", seq=3)
    return "lapsed_lease"


def count_on(vandal: Vandal) -> str:
    """The root counts a row that is not there."""
    vandal.root("weekly", seq=27)
    return "weekly"


def change_hash(vandal: Vandal) -> str:
    """A row in the middle has another hash."""
    vandal.log("weekly", 7, sealed=False, hash=bytes(32))
    return "weekly"


def change_content(vandal: Vandal) -> str:
    """Somebody else is said to have done it."""
    vandal.log("month_ends", 5, sealed=False, actor="act_2")
    return "month_ends"


def change_head(vandal: Vandal) -> str:
    """The root has another head."""
    vandal.root("weekly", head=bytes(32))
    return "weekly"


def forget_all(vandal: Vandal) -> str:
    """A root loses its whole log, and starts again."""
    vandal.remove(schema.log, root_id=vandal.id("running_lease"))
    vandal.root("running_lease", seq=0, head=b"")
    return "running_lease"


def forget_everything(vandal: Vandal) -> str:
    """A root is left with nothing on it."""
    for table in (schema.log, schema.deferrals):
        vandal.remove(table, root_id=vandal.id("running_lease"))
    vandal.remove(schema.instances, id=vandal.id("running_lease"))
    vandal.root("running_lease", seq=0, head=b"", wake_at=None)
    return "running_lease"


def smuggle_in(vandal: Vandal) -> str:
    """An instance comes to be without a row that tells of it."""
    instance = vandal.read(schema.instances, {"id": vandal.id("lapsed_lease")})
    vandal.add(schema.instances, **(instance | {"id": "lease_smuggled"}))
    return "lapsed_lease"


def put_on_a_clock(vandal: Vandal) -> str:
    """A root is said to be on a named clock that nobody made."""
    vandal.root("weekly", clock="nobody_s")
    return "weekly"


def forget_root(vandal: Vandal) -> str:
    """A root is gone."""
    vandal.remove(schema.roots, id=vandal.id("running_lease"))
    return "running_lease"


def forget_instance(vandal: Vandal) -> str:
    """An instance is gone; its log and its deferral are there."""
    vandal.remove(schema.instances, id=vandal.id("running_lease"))
    return "running_lease"


def lose_a_deferral(vandal: Vandal) -> str:
    """A deferral is of an instance that its root does not have."""
    root, due_at = vandal.id("lapsed_lease"), utc("2026-12-01")
    vandal.add(schema.deferrals, instance_id=vandal.id("trial"), root_id=root, event="lapses", due_at=due_at)
    vandal.root("lapsed_lease", wake_at=due_at)
    return "lapsed_lease"


def lose_a_row(vandal: Vandal) -> str:
    """The last row is of an instance that its root does not have."""
    vandal.log("lapsed_lease", 2, instance_id=vandal.id("trial"))
    return "lapsed_lease"


def change_source(vandal: Vandal) -> str:
    """A row starts from a state that nothing led to."""
    vandal.log("lapsed_lease", 2, source="stopped")
    return "lapsed_lease"


def change_state(vandal: Vandal) -> str:
    """The lease runs again."""
    vandal.instance("lapsed_lease", state="running")
    return "lapsed_lease"


def change_version(vandal: Vandal) -> str:
    """The instance says that it is of the second version."""
    vandal.instance("running_lease", version=2)
    return "running_lease"


def change_machine(vandal: Vandal) -> str:
    """A row says that it is of another machine."""
    vandal.log("running_lease", 1, machine="loan")
    return "running_lease"


def go_back(vandal: Vandal) -> str:
    """The second version came before the first."""
    vandal.log("migrated_lease", 1, version=2)
    vandal.log("migrated_lease", 2, version=1)
    vandal.instance("migrated_lease", version=1)
    return "migrated_lease"


def change_facts(vandal: Vandal) -> str:
    """The lease ends on another day than was agreed."""
    vandal.facts("running_lease", end=at("2027-12-01"))
    return "running_lease"


def change_kind_of_number(vandal: Vandal) -> str:
    """One seat becomes `true`, which Python takes to be equal."""
    vandal.facts("returned", seats=True)
    return "returned"


def change_both_states(vandal: Vandal) -> str:
    """A paid subscription is in trial, says the log too."""
    vandal.log("returned", 4, target="trial")
    vandal.instance("returned", state="trial")
    return "returned"


def end_without_a_date(vandal: Vandal) -> str:
    """It has ended, but not at any time."""
    vandal.logged_changes("no_card", 2, ends_at=None)
    return "no_card"


def revive(vandal: Vandal) -> str:
    """What has ended goes on, with everything that a subscription needs."""
    name, boundary = "ended_at_once", utc("2026-08-20")
    subscription = vandal.id(name)
    last = vandal.rows(name)[-1]
    changes = {"source": "ended", "target": "active", "changes": {"ends_at": None}, "effects": []}
    vandal.add(schema.log, **(last | {"seq": 3, "event": "withdraw_cancellation"} | changes))
    vandal.facts(name, ends_at=None)
    vandal.instance(name, state="active", live_key="acct_ended_at_once/main", closed=False)
    vandal.add(schema.deferrals, instance_id=subscription, root_id=subscription, event="cycle_starts", due_at=boundary)
    vandal.root(name, seq=3, wake_at=boundary)
    vandal.seal(name)
    return name


def skip_a_cycle(vandal: Vandal) -> str:
    """Cycle 5 follows cycle 3."""
    vandal.logged_changes("returned", 4, cycle=5)
    return "returned"


def count_freely(vandal: Vandal) -> str:
    """A cancellation makes cycle 5 of cycle 1."""
    vandal.logged_changes("armed", 3, cycle=5)
    return "armed"


def begin_with_a_cycle(vandal: Vandal) -> str:
    """A trial has cycle 1."""
    vandal.logged_changes("trial", 1, cycle=1)
    return "trial"


def start_late(vandal: Vandal) -> str:
    """A day is given away between two periods."""
    vandal.logged_changes("returned", 4, period_start=at("2026-08-02"))
    return "returned"


def fire_unasked(vandal: Vandal) -> str:
    """A cycle started before its boundary."""
    vandal.log("returned", 4, due_at=utc("2026-07-31"))
    return "returned"


def fire_early(vandal: Vandal) -> str:
    """A cycle started in time, but that was done a second before."""
    vandal.log("returned", 4, fired_at=utc("2026-08-01") - SECOND)
    return "returned"


def record_early(vandal: Vandal) -> str:
    """It was written down before it was done."""
    vandal.log("returned", 4, recorded_at=utc("2026-08-01") - SECOND)
    return "returned"


def fire_in_disorder(vandal: Vandal) -> str:
    """What was due on 2 March fired before what was due on 1 March."""
    late = utc("2026-03-02")
    vandal.log("lapsed_lease", 1, cause="deferral", due_at=late, fired_at=late, recorded_at=late)
    return "lapsed_lease"


def change_by_hand(vandal: Vandal) -> str:
    """Two seats more, says an operator's hold."""
    vandal.log("month_ends", 5, cause="operator", event="held")
    return "month_ends"


def never_renew(vandal: Vandal) -> str:
    """A subscription goes on for ever without another cycle."""
    vandal.remove(schema.deferrals, instance_id=vandal.id("returned"))
    vandal.root("returned", wake_at=None)
    return "returned"


def end_unasked(vandal: Vandal) -> str:
    """A subscription is to end, but nobody has cancelled it."""
    instance = vandal.id("returned")
    vandal.add(
        schema.deferrals, instance_id=instance, root_id=instance, event="end_date_arrives", due_at=utc("2027-01-01")
    )
    return "returned"


def remind_of_nothing(vandal: Vandal) -> str:
    """A reminder is planned for after the period that it is about."""
    name, remind_at = "returned", utc("2027-06-01")
    instance = vandal.id(name)
    vandal.logged_changes(name, len(vandal.rows(name)), remind_at=remind_at.isoformat())
    vandal.add(schema.deferrals, instance_id=instance, root_id=instance, event="reminded", due_at=remind_at)
    return name


def unshelve(vandal: Vandal) -> str:
    """A change is to take effect on the very day of the end."""
    instance = vandal.id("shelved")
    vandal.add(
        schema.deferrals, instance_id=instance, root_id=instance, event="change_takes_effect", due_at=utc("2026-09-01")
    )
    return "shelved"


def change_twice(vandal: Vandal) -> str:
    """A change is to take effect by itself on a boundary, where it comes with the cycle."""
    instance = vandal.id("on_later_boundary")
    vandal.add(
        schema.deferrals, instance_id=instance, root_id=instance, event="change_takes_effect", due_at=utc("2026-10-20")
    )
    return "on_later_boundary"


def forget_a_date(vandal: Vandal) -> str:
    """A change on a date that is no boundary will never come."""
    vandal.remove(schema.deferrals, instance_id=vandal.id("on_date"), event="change_takes_effect")
    return "on_date"


def renew_late(vandal: Vandal) -> str:
    """A cycle is to start a day late."""
    vandal.deferral("returned", "cycle_starts", due_at=utc("2026-09-02"))
    vandal.root("returned", wake_at=utc("2026-09-02"))
    return "returned"


def free_the_name(vandal: Vandal) -> str:
    """Nothing keeps a second subscription away."""
    vandal.instance("returned", live_key=None)
    return "returned"


def keep_the_name(vandal: Vandal) -> str:
    """What has ended keeps the next one away."""
    vandal.instance("no_card", live_key="acct_no_card/main")
    return "no_card"


def give_away(vandal: Vandal) -> str:
    """A subscription is another account's."""
    vandal.instance("trial", owner_id="acct_no_card")
    return "trial"


def double(vandal: Vandal) -> str:
    """The account's second subscription is in the family of the first."""
    vandal.logged_changes("storage", 1, family="main")
    return "storage"


def sleep_in(vandal: Vandal) -> str:
    """The dispatcher looks a second late."""
    vandal.root("returned", wake_at=utc("2026-09-01") + SECOND)
    return "returned"


def wake_the_held(vandal: Vandal) -> str:
    """The dispatcher looks at what is quarantined."""
    vandal.root("quarantined", wake_at=utc("2026-09-01"))
    return "quarantined"


def sleep_on_failure(vandal: Vandal) -> str:
    """What backs off is never tried again."""
    vandal.root("backing_off", wake_at=None)
    return "backing_off"


def hurry_after_failure(vandal: Vandal) -> str:
    """What backs off is to be tried before its cycle is due."""
    vandal.root("backing_off", wake_at=utc("2026-08-01") - SECOND)
    return "backing_off"


def name_a_person(vandal: Vandal) -> str:
    """The actor is logged by address."""
    vandal.log("month_ends", 5, actor="ann@acme.example")
    return "month_ends"


def garble(vandal: Vandal) -> str:
    """The changes of a row are a list."""
    vandal.log("weekly", 2, sealed=False, changes=[])
    return "weekly"


def misspell_zone(vandal: Vandal) -> str:
    """There is no such zone to count the boundaries in."""
    vandal.logged_changes("on_later_boundary", 1, zone="Asia/Nowhere")
    return "on_later_boundary"


def never_send(vandal: Vandal) -> str:
    """A message is gone."""
    vandal.remove(schema.outbox, root_id=vandal.id("running_lease"))
    return "running_lease"


def send_unasked(vandal: Vandal) -> str:
    """There is a message that no transition has sent: the lease was signed, and that was all."""
    message = vandal.read(schema.outbox, {"root_id": vandal.id("running_lease")})
    vandal.add(schema.outbox, **(message | {"id": "out_x", "root_id": vandal.id("lapsed_lease")}))
    return "lapsed_lease"


def readdress(vandal: Vandal) -> str:
    """A message goes somewhere else."""
    vandal.message("running_lease", destination="tenant")
    return "running_lease"


def sign_as_another(vandal: Vandal) -> str:
    """A message is said to be of another instance."""
    vandal.message("running_lease", instance_id=vandal.id("lapsed_lease"))
    return "running_lease"


def never_look(vandal: Vandal) -> str:
    """A message waits, and no relay will ever look at it."""
    vandal.message("running_lease", wake_at=None)
    return "running_lease"


def send_again(vandal: Vandal) -> str:
    """A message that is delivered is to be looked at."""
    vandal.message("running_lease", status="delivered")
    return "running_lease"


def lose_a_message(vandal: Vandal) -> str:
    """A message belongs to a root that is not there."""
    message = vandal.read(schema.outbox, {"root_id": vandal.id("running_lease")})
    vandal.add(schema.outbox, **(message | {"id": "out_x", "root_id": "lease_nowhere"}))
    return "lease_nowhere"


SUMMER = utc("2026-06-15")


def change_checkpoint(vandal: Vandal) -> str:
    """A checkpoint says that it was made a second later."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("returned", sealed=False, made_at=SUMMER + SECOND)
    return "returned"


def change_what_is_overwritten(vandal: Vandal) -> str:
    """A checkpoint tells of another period; the rows that are left do not, for they change it themselves."""
    vandal.move_out(SUMMER)
    facts = vandal.told("returned")[vandal.id("returned")]["facts"] | {"period_start": at("2026-06-02")}
    vandal.checkpoint("returned", sealed=False, instances=vandal.told("returned", facts=facts))
    return "returned"


def forget_checkpoint(vandal: Vandal) -> str:
    """Nothing stands in the place of all the rows."""
    vandal.move_out(SUMMER)
    vandal.remove(schema.checkpoints, root_id=vandal.id("lapsed_lease"))
    return "lapsed_lease"


def count_checkpoint_on(vandal: Vandal) -> str:
    """A checkpoint stands for one row more, sealed anew."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("returned", seq=3)
    return "returned"


def change_checkpoint_hash(vandal: Vandal) -> str:
    """A checkpoint has another hash, sealed anew: the rows that are left do not follow."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("returned", hash=bytes(32))
    return "returned"


def change_checkpoint_state(vandal: Vandal) -> str:
    """A checkpoint leaves it in another state than that from which it goes on, sealed anew."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("returned", instances=vandal.told("returned", state="trial"))
    return "returned"


def change_last_state(vandal: Vandal) -> str:
    """A checkpoint of all the rows leaves it in another state than the stored one, sealed anew."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("lapsed_lease", instances=vandal.told("lapsed_lease", state="running"))
    return "lapsed_lease"


def change_checkpoint_facts(vandal: Vandal) -> str:
    """A checkpoint tells of more seats than there are, sealed anew."""
    vandal.move_out(SUMMER)
    facts = vandal.told("returned")[vandal.id("returned")]["facts"] | {"seats": 7}
    vandal.checkpoint("returned", instances=vandal.told("returned", facts=facts))
    return "returned"


def change_checkpoint_machine(vandal: Vandal) -> str:
    """A checkpoint tells of another machine, sealed anew."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("lapsed_lease", instances=vandal.told("lapsed_lease", machine="loan"))
    return "lapsed_lease"


def change_checkpoint_version(vandal: Vandal) -> str:
    """A checkpoint tells of a version that is newer than the next row's, sealed anew."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("returned", instances=vandal.told("returned", version=2))
    return "returned"


def change_last_due_at(vandal: Vandal) -> str:
    """What was moved out was due after what has fired since, sealed anew."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("returned", last_due_at=utc("2026-07-02"))
    return "returned"


def smuggle_into_checkpoint(vandal: Vandal) -> str:
    """A checkpoint tells of an instance that the root does not have, sealed anew."""
    vandal.move_out(SUMMER)
    told = vandal.told("lapsed_lease")
    vandal.checkpoint("lapsed_lease", instances=told | {"lease_smuggled": told[vandal.id("lapsed_lease")]})
    return "lapsed_lease"


def leave_a_checkpoint_alone(vandal: Vandal) -> str:
    """A root is gone with all that it had, but for its checkpoint."""
    vandal.move_out(SUMMER)
    vandal.remove(schema.instances, id=vandal.id("lapsed_lease"))
    vandal.remove(schema.roots, id=vandal.id("lapsed_lease"))
    return "lapsed_lease"


def garble_checkpoint(vandal: Vandal) -> str:
    """A checkpoint tells of a version that is no number, sealed anew."""
    vandal.move_out(SUMMER)
    vandal.checkpoint("returned", instances=vandal.told("returned", version="one"))
    return "returned"


def send_after_all(vandal: Vandal) -> str:
    """All rows were moved out, and there is a message of one that never was."""
    vandal.move_out(SUMMER)
    message = vandal.read(schema.outbox, {"root_id": vandal.id("running_lease")})
    vandal.add(schema.outbox, **(message | {"id": "out_x", "root_id": vandal.id("lapsed_lease"), "seq": 3}))
    return "lapsed_lease"


DAMAGE: dict[Callable[[Vandal], str], set[str]] = {
    renumber: {"sequence"},
    count_on: {"root_seq"},
    change_hash: {"hash"},
    change_content: {"hash"},
    change_head: {"head"},
    forget_all: {"no_history"},
    forget_everything: {"no_history"},
    smuggle_in: {"no_history"},
    put_on_a_clock: {"clock"},
    forget_root: {"orphan"},
    forget_instance: {"orphan"},
    lose_a_deferral: {"orphan"},
    lose_a_row: {"orphan", "state"},
    change_source: {"source"},
    change_state: {"state"},
    change_version: {"machine"},
    change_machine: {"machine"},
    go_back: {"machine"},
    change_facts: {"facts"},
    change_kind_of_number: {"facts"},
    change_both_states: {"state_facts"},
    end_without_a_date: {"state_facts"},
    revive: {"revived"},
    skip_a_cycle: {"cycle_number"},
    count_freely: {"cycle_number"},
    begin_with_a_cycle: {"cycle_number"},
    start_late: {"cycle_start"},
    fire_unasked: {"not_deferred"},
    fire_early: {"fired_early"},
    record_early: {"recorded_early"},
    fire_in_disorder: {"due_order"},
    change_by_hand: {"act_changed"},
    remind_of_nothing: {"reminder"},
    never_renew: {"deferral_missing"},
    end_unasked: {"deferral_unasked"},
    unshelve: {"deferral_unasked"},
    change_twice: {"deferral_unasked"},
    forget_a_date: {"deferral_missing"},
    renew_late: {"deferral_due"},
    never_send: {"message_missing"},
    send_unasked: {"message_unsent"},
    readdress: {"message_content"},
    sign_as_another: {"message_content"},
    never_look: {"message_wake_at"},
    send_again: {"message_wake_at"},
    lose_a_message: {"orphan"},
    free_the_name: {"live_key"},
    keep_the_name: {"live_key"},
    give_away: {"owner"},
    double: {"two_live", "live_key"},
    sleep_in: {"wake_at"},
    wake_the_held: {"wake_at"},
    sleep_on_failure: {"wake_at"},
    hurry_after_failure: {"wake_at"},
    name_a_person: {"personal_data"},
    garble: {"unreadable"},
    misspell_zone: {"unreadable"},
    change_checkpoint: {"checkpoint"},
    change_what_is_overwritten: {"checkpoint"},
    forget_checkpoint: {"no_history", "root_seq", "head"},
    count_checkpoint_on: {"sequence"},
    change_checkpoint_hash: {"hash"},
    change_checkpoint_state: {"source"},
    change_last_state: {"state"},
    change_checkpoint_facts: {"facts"},
    change_checkpoint_machine: {"machine"},
    change_checkpoint_version: {"machine"},
    change_last_due_at: {"due_order"},
    smuggle_into_checkpoint: {"orphan"},
    leave_a_checkpoint_alone: {"orphan"},
    garble_checkpoint: {"unreadable"},
    send_after_all: {"message_unsent"},
}
