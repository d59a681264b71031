"""What matters now for one booking: one sentence, a line below it, and the one thing to do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import current_app
from flask_babel import gettext as _

from b2c_web.bookings.coming import Tour, coming, is_late
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus
from b2c_web.bookings.rules import HoldEnd
from b2c_web.bookings.timeline import comes_by_jockey
from b2c_web.config import ZONE
from b2c_web.formatting import clock, day_window, eur, moment

S = BookingStatus


@dataclass(frozen=True, slots=True)
class NowPanel:
    """`action`: pay, calendar, move, return, again or nothing. `hold`: the countdown of the held place is shown."""

    icon: str
    label: str
    head: str
    text: str = ""
    action: str = ""
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Back:
    """What was or is being refunded; `another_way`: some of it not the way it was paid; and what its end kept."""

    cents: int = 0
    another_way: bool = False
    kept_cents: int = 0


def of(booking: Booking, tours: Sequence[Tour], now: datetime, *, processing: bool, back: Back) -> NowPanel:
    """The panel of a booking. `processing`: a bank is still deciding."""
    panel = _of(booking, tours, now, processing, back)
    if back.kept_cents:
        kept = _("%(amount)s haben wir als Gebühr behalten.", amount=eur(back.kept_cents))
        return replace(panel, text=f"{panel.text} {kept}".strip())
    if not booking.all_goes_back or booking.status is S.CANCELLED:
        return panel
    return replace(panel, text=f"{_('Ihr Vertrag ist widerrufen, Ihr Geld geht zurück.')} {panel.text}")


def _of(booking: Booking, tours: Sequence[Tour], now: datetime, processing: bool, back: Back) -> NowPanel:
    tour = coming(tours)
    if tour is not None:
        return _jockey_comes(booking, tour, now)
    if booking.status is S.PENDING:
        return _pending(booking, now, processing)
    if booking.status is S.CANCELLED:
        return _cancelled(booking, now, back)
    if booking.status is S.READY_FOR_RETURN:
        return _ready(booking, now)
    if booking.status is S.IN_WORKSHOP or booking.withdrawal_open:
        return (_withdrawn if booking.withdrawal_open else _in_workshop)(booking, now)
    panels = {
        S.CONFIRMED: _confirmed,
        S.IN_TRANSIT_TO_WORKSHOP: _on_the_way_in,
        S.IN_TRANSIT_TO_CUSTOMER: _on_the_way_back,
        S.COMPLETED: _completed,
    }
    return panels[booking.status](booking)


def act_words(booking: Booking) -> str:
    """What the customer of a booking has to do now, for its state in a list; empty when nothing."""
    if booking.status is S.CONFIRMED and booking.new_date_until is not None:
        return _("Neuen Termin wählen")
    if booking.status is S.READY_FOR_RETURN and booking.return_failed_at is not None:
        return _("Neues Fenster wählen")
    return ""


def _window(booking: Booking) -> str:
    """In one piece, so that a headline never breaks inside a date."""
    return day_window(booking.slot.start_time, booking.slot.end_time).replace(" ", "\u00a0")


def _return_window(booking: Booking) -> str:
    back = booking.return_slot
    return day_window(back.start_time, back.end_time) if back else ""


def _pending(booking: Booking, now: datetime, processing: bool) -> NowPanel:
    if processing:
        text = _("Das kann bei Lastschriften ein paar Tage dauern. Wir schreiben Ihnen, sobald sie zugestimmt hat.")
        return NowPanel("refresh", _("Zahlung läuft"), _("Ihre Bank prüft die Zahlung"), text)
    if booking.hold_expires_at is None or booking.hold_expires_at <= now:
        text = _("Wir geben den Termin wieder frei. Haben Sie gerade bezahlt, kommt die Bestätigung von selbst.")
        return NowPanel("hourglass", _("Zahlung offen"), _("Die Zeit zum Bezahlen ist um"), text)
    text = _("%(window)s. Sobald Sie bezahlt haben, ist der Termin fest.", window=_window(booking))
    return NowPanel("hourglass", _("Zahlung offen"), _("Wir halten Ihren Termin"), text, "pay", hold=True)


def _confirmed(booking: Booking) -> NowPanel:
    if booking.new_date_until is not None:
        return _missed(booking)
    label = _("Bezahlt und bestätigt")
    if comes_by_jockey(booking):
        text = _("Zurück bringen wir es %(window)s.", window=_return_window(booking))
        return NowPanel(
            "check-circle", label, _("Wir kommen am %(window)s.", window=_window(booking)), text, "calendar"
        )
    head = _("Wir erwarten Sie am %(window)s.", window=_window(booking))
    return NowPanel("check-circle", label, head, _ready_by(booking), "calendar")


def _ready_by(booking: Booking) -> str:
    return _("Fertig ist Ihr Auto spätestens am %(time)s Uhr.", time=moment(booking.estimated_return_time))


def _missed(booking: Booking) -> NowPanel:
    fee = eur(current_app.config["NO_SHOW_FEE_CENTS"])
    until = moment(booking.new_date_until) if booking.new_date_until else ""
    text = _(
        "Bis %(time)s Uhr können Sie ohne Aufpreis einen neuen Termin wählen. "
        "Danach endet die Buchung, wir behalten %(fee)s und zahlen den Rest zurück.",
        time=until,
        fee=fee,
    )
    return NowPanel("user", _("Niemand angetroffen"), _("Wir haben Sie nicht angetroffen"), text, "move")


def _jockey_comes(booking: Booking, tour: Tour, now: datetime) -> NowPanel:
    name, at = tour.jockey.name, tour.expected_at
    ready = _("Bitte halten Sie Schlüssel und Fahrzeugschein bereit.")
    if tour.type is AssignmentType.RETURN:
        ready = _("Bitte halten Sie die Schlüssel der Ronja bereit.")
    if tour.arrived_at is not None:
        return NowPanel("home", _("Ihr Jockey ist da"), _("%(name)s steht vor Ihrer Tür.", name=name), ready)
    label = _("Unterwegs zu Ihnen")
    if at is None or is_late(tour, now):
        late = _("Es dauert etwas länger als gedacht. Rufen Sie uns gern an.") if at else ""
        return NowPanel("navigate", label, _("%(name)s ist unterwegs zu Ihnen.", name=name), f"{late} {ready}".strip())
    head = _("%(name)s ist unterwegs zu Ihnen und gegen %(time)s Uhr da.", name=name, time=clock(at))
    return NowPanel("navigate", label, head, ready)


def _on_the_way_in(booking: Booking) -> NowPanel:
    text = _("Wir melden uns, sobald es dort angekommen ist.")
    head = _("Ihr Auto ist auf dem Weg zur Werkstatt")
    return NowPanel("arrow-right", _("Unterwegs zur Werkstatt"), head, text)


def _in_workshop(booking: Booking, now: datetime) -> NowPanel:
    since = _since(booking.workshop_checkin_at, now) if booking.workshop_checkin_at else ""
    label = _("In der Werkstatt seit %(time)s Uhr", time=since) if since else _("In der Werkstatt")
    if booking.service_completed_at is not None:
        text = _("Die Abrechnung läuft noch, gleich ist Ihr Auto frei.")
        return NowPanel("wrench", label, _("Die Arbeit ist getan"), text)
    window = _return_window(booking)
    text = _("Zurück bringen wir es %(window)s.", window=window) if comes_by_jockey(booking) else _ready_by(booking)
    if booking.concierge_dropped_at is not None:
        place = booking.workshop
        here = _("Holen Sie es dann bitte bei uns ab: %(address)s, %(city)s.", address=place.address, city=place.city)
        text = f"{text} {here}"
    if booking.estimated_return_time <= now:
        until = moment(booking.estimated_return_time)
        text = _("Zugesagt war es bis %(time)s Uhr. Es dauert länger, rufen Sie uns gern an.", time=until)
    return NowPanel("wrench", label, _("Ihr Auto ist in der Werkstatt"), text)


def _withdrawn(booking: Booking, now: datetime) -> NowPanel:
    at = moment(booking.withdrawn_at) if booking.withdrawn_at else ""
    text = _("An Ihrem Auto machen wir nichts mehr. Die Werkstatt beendet die Buchung und zahlt alles zurück.")
    label = _("Widerruf eingegangen am %(time)s Uhr", time=at)
    return NowPanel("file", label, _("Ihr Widerruf ist bei uns"), f"{text} {still_with_us(booking, now)}")


def _since(at: datetime, now: datetime) -> str:
    """The clock is enough on the same day."""
    return clock(at) if at.astimezone(ZONE).date() == now.astimezone(ZONE).date() else moment(at)


def _ready(booking: Booking, now: datetime) -> NowPanel:
    if booking.return_failed_at is not None:
        return _not_handed_over()
    if comes_by_jockey(booking) and booking.return_slot and booking.return_slot.end_time <= now:
        text = _("Wir wollten es %(window)s bringen. Wann passt es Ihnen?", window=_return_window(booking))
        return NowPanel("key", _("Fertig"), _("Ihr Auto ist fertig"), text, "return")
    if comes_by_jockey(booking):
        text = _("Zurück bringen wir es %(window)s.", window=_return_window(booking))
    else:
        place = booking.workshop
        text = _("Sie können es abholen: %(address)s, %(city)s.", address=place.address, city=place.city)
    return NowPanel("key", _("Fertig"), _("Ihr Auto ist fertig"), text)


def _not_handed_over() -> NowPanel:
    text = _("Es kommt sicher zurück in die Werkstatt, die Ronja behalten Sie so lange. Wann sollen wir es bringen?")
    head = _("Wir konnten Ihr Auto nicht übergeben")
    return NowPanel("key", _("Rückgabe nicht geglückt"), head, text, "return")


def _on_the_way_back(booking: Booking) -> NowPanel:
    text = _("Zugesagt: %(window)s. Bitte halten Sie die Schlüssel der Ronja bereit.", window=_return_window(booking))
    return NowPanel("navigate", _("Unterwegs zu Ihnen"), _("Ihr Auto kommt zurück"), text)


def _completed(booking: Booking) -> NowPanel:
    at = booking.completed_at or booking.updated_at
    text = _("Die Belege finden Sie unten. Bis zum nächsten Mal.")
    return NowPanel("check", _("Abgeschlossen %(time)s", time=moment(at)), _("Gute Fahrt"), text, "again")


def _cancelled(booking: Booking, now: datetime, back: Back) -> NowPanel:
    at = moment(booking.cancelled_at or booking.updated_at)
    label = _("Beendet %(time)s", time=at) if booking.ended_by_withdrawal else _("Storniert %(time)s", time=at)
    if booking.cancelled_here and booking.return_failed_at is not None:
        return replace(_not_handed_over(), icon="x", label=label)
    if booking.cancelled_here:
        return NowPanel("x", label, _cancelled_head(booking), still_with_us(booking, now))
    return NowPanel("x", label, _cancelled_head(booking), _cancelled_text(booking, back), "again")


def still_with_us(booking: Booking, now: datetime) -> str:
    """How the car comes home though its booking ends."""
    if comes_by_jockey(booking) and booking.estimated_return_time <= now:
        return _("Ihr Auto bringen wir Ihnen noch zurück. Wir rufen Sie an und vereinbaren, wann.")
    if comes_by_jockey(booking):
        return _("Ihr Auto bringen wir Ihnen noch zurück: %(window)s.", window=_return_window(booking))
    return _("Ihr Auto steht noch bei uns. Bitte rufen Sie an, wann Sie es holen.")


def _cancelled_head(booking: Booking) -> str:
    if booking.withdrawn_at is not None:
        return _("Ihr Vertrag ist widerrufen")
    if booking.cancellation_reason == HoldEnd.EXPIRED:
        return _("Die Zeit zum Bezahlen war um")
    if booking.cancellation_reason == "no_show":
        return _("Die Buchung ist beendet")
    return _("Diese Buchung ist storniert")


def _cancelled_text(booking: Booking, back: Back) -> str:
    amount = eur(back.cents)
    if back.another_way:
        return _("%(amount)s gehen an Sie zurück. Auf welchem Weg, steht in den Belegen unten.", amount=amount)
    if back.cents:
        return _("%(amount)s gehen auf demselben Weg an Sie zurück, auf dem Sie bezahlt haben.", amount=amount)
    if booking.paid_at is None:
        return _("Der Termin ist wieder frei, bezahlt wurde nichts.")
    return ""
