"""Forms of sign-in."""

from flask_babel import lazy_gettext as lazy
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from portal.accounts.rules import LONGEST_PASSWORD


class SignInForm(FlaskForm):  # type: ignore[misc]
    identifier = StringField(
        lazy("E-mail or mobile number"),
        validators=[InputRequired(lazy("Enter your e-mail or mobile number.")), Length(max=254)],
    )
    password = PasswordField(
        lazy("Password"),
        validators=[InputRequired(lazy("Enter your password.")), Length(max=LONGEST_PASSWORD)],
    )
    keep = BooleanField(lazy("Keep me signed in on this device for 7 days"))
