"""The same addresses as the demo site's JSON interface, `slow_set` and `python_values` for the tests."""

from django.conf import settings
from django.urls import include, path

from . import views

urlpatterns = [
    path("api/session", views.session),
    # A member may have any name, a slash or an action's name included: the method decides.
    path("api/session/<path:name>", views.member_or_action),
    path("api/untouched", views.untouched),
    path("api/status/<int:code>", views.status),
    path("api/slow_set/<path:name>", views.slow_set),
    path("api/python_values", views.python_values),
]

# Django's own views for logins, where there are users.
if settings.USERS:
    urlpatterns += [
        path("accounts/", include("django.contrib.auth.urls")),
        path("api/user", views.user),
    ]

handler400 = views.bad_request
handler404 = views.not_found
handler500 = views.server_error
