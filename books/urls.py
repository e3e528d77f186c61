"""URLs of books and authors below /api/v1/."""

from rest_framework.routers import SimpleRouter

from books.views import AuthorViewSet, BookViewSet

router = SimpleRouter()
router.register("books", BookViewSet, basename="book")
router.register("authors", AuthorViewSet, basename="author")

urlpatterns = router.urls
