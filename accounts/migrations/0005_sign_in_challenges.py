import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agora.lib.ids


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_customer_triggers")]

    operations = [
        migrations.CreateModel(
            name="SignInChallenge",
            fields=[
                (
                    "id",
                    models.UUIDField(default=agora.lib.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("nonce", models.CharField(max_length=64, unique=True)),
                ("text", models.TextField()),
                ("address", models.CharField(max_length=42)),
                ("session_digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="wallet",
            name="proven_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="signinchallenge",
            name="user",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="signinchallenge",
            index=models.Index(fields=["session_digest", "-created_at"], name="challenge_of_session"),
        ),
        migrations.AddConstraint(
            model_name="signinchallenge",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("created_at"))), name="challenge_expires_later"
            ),
        ),
    ]
