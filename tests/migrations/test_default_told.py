"""What was the usual card before it was noted counts as told to the provider."""

from flask import Flask
from flask_migrate import downgrade, upgrade

from b2c_web.flask_extensions import db
from b2c_web.payments.models import PaymentMethod
from tests.factories import make_customer
from tests.migrations.test_migrations import everything_missing, one

BEFORE = "20261130_2015"


def test_the_usual_cards_of_before_were_told(committed_app: Flask) -> None:
    with committed_app.app_context():
        user = make_customer()
        for number, is_default in enumerate((True, False)):
            card = {"stripe_payment_method_id": f"pm_{number}", "type": "card", "is_default": is_default}
            db.session.add(PaymentMethod(user_id=user.id, **card))
        db.session.commit()
        db.session.remove()
        downgrade(revision=BEFORE)
        assert one("SELECT count(*) FROM payment_methods") == 2
        upgrade()
        assert one("SELECT array_agg(default_told_at = updated_at ORDER BY is_default) FROM payment_methods") == [
            None,
            True,
        ]
        assert everything_missing() == []
