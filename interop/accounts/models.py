"""A user model unlike Django's own: a UUID as its key, a table and columns of other names."""

import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class MemberManager(BaseUserManager):
    def create_user(self, username, password=None, **fields):
        member = self.model(username=username, **fields)
        member.set_password(password)
        member.save()
        return member


class Member(AbstractBaseUser):
    number = models.UUIDField(primary_key=True, default=uuid.uuid4)
    username = models.CharField(max_length=150, unique=True)
    password = models.CharField(max_length=128, db_column="secret")
    last_login = models.DateTimeField(null=True, db_column="seen")
    is_active = models.BooleanField(default=True, db_column="may_come_in")

    objects = MemberManager()
    USERNAME_FIELD = "username"

    class Meta:
        db_table = "members"
